"""The broker is up and says no.

The services reach it, and are told -OOM, -WRONGPASS, or that there are too many of them: an
answer, where reconnecting does not help.
"""

from stallproof import (
    AuthRotated,
    ClientKill,
    Loading,
    MaxClients,
    Oom,
    Workload,
    at,
    breaks,
    scenario,
)

NO_OUTBOX = breaks(
    because="POST publishes straight to the broker and is refused with it: no outbox.",
    sometimes=True,
)


@scenario(
    schedule=[at(3, Oom(policy="noeviction"), for_s=5)],
    workload=Workload(for_s=13),
    expected={"guide-int-keys": NO_OUTBOX, "celery-defaults": NO_OUTBOX},
)
def broker_full() -> None:
    """The broker's memory is full for five seconds

    On Cloud Run: maxmemory with noeviction, as one sets it for queues.
    The guide promises: nothing; -OOM is no connection error to Celery.
    Must hold: POST goes on being accepted, a message that was taken and could not be noted down is
    not lost, a worker that exits of it is started again.
    """


@scenario(
    schedule=[at(3, Oom(policy="volatile-lru"), for_s=5)],
    workload=Workload(for_s=13),
    expected={"guide-int-keys": NO_OUTBOX, "celery-defaults": NO_OUTBOX},
)
def broker_full_volatile_lru() -> None:
    """The broker's memory is full, and what has a time to live is thrown out

    On Cloud Run: Memorystore's default policy. Results have one, messages have not: the results
    go first, then nothing can be written.
    The guide promises: nothing.
    Must hold: as broker-full.
    """


@scenario(
    schedule=[at(4, Loading(), for_s=5)],
    workload=Workload(for_s=14),
    expected={"guide-int-keys": NO_OUTBOX, "celery-defaults": NO_OUTBOX},
)
def broker_loading() -> None:
    """The broker is killed, lets everybody in at once, and loads its data for five seconds

    On Cloud Run: a restart with gigabytes in the append-only file. Who connects is in, and gets
    -LOADING to whatever he asks.
    The guide promises: broker_connection_retry brings the worker back.
    Must hold: POST goes on being accepted, the worker takes tasks as soon as all is loaded, nothing
    is lost or run twice.
    """


@scenario(
    schedule=[at(3, MaxClients(), for_s=6), at(4, ClientKill(kind="normal"))],
    workload=Workload(for_s=14),
    expected={"guide-int-keys": NO_OUTBOX, "celery-defaults": NO_OUTBOX},
)
def too_many_clients() -> None:
    """Connections are closed while the broker takes no new ones

    On Cloud Run: another service has taken the instance's last connections.
    The guide promises: broker_connection_retry brings the worker back.
    Must hold: POST goes on being accepted, the worker is back as soon as it is let in, nothing is
    lost or run twice.
    """


@scenario(
    schedule=[at(3, AuthRotated(closes=True), for_s=6)],
    workload=Workload(for_s=14),
    expected={"guide-int-keys": NO_OUTBOX, "celery-defaults": NO_OUTBOX},
)
def password_rotated() -> None:
    """The password is changed at the broker before the services have the new one

    On Cloud Run: a secret is rotated, and given back after six seconds.
    The guide promises: nothing.
    Must hold: POST goes on being accepted, whoever exits is started again and gets in as soon as
    the password is right, nothing is lost or run twice.
    """


@scenario(
    # Time enough between two waves of a kind for its clients to be back.
    schedule=[
        at(3.0, ClientKill(kind="pubsub")),
        at(3.3, ClientKill(kind="normal")),
        at(5.0, ClientKill(kind="normal")),
        at(6.7, ClientKill(kind="pubsub")),
        at(7.0, ClientKill(kind="normal")),
    ],
    workload=Workload(for_s=13),
)
def certificate_rotated() -> None:
    """Connections are closed in waves, class by class, for four seconds

    On Cloud Run: the TLS certificate of Memorystore is rotated every 180 days, and connections
    drop, the new ones as well. No TLS is spoken in this system: only what it does to connections
    is done here.
    The guide promises: connection retry settings bring them back.
    Must hold: work goes on within seconds, nothing is lost or run twice.
    """
