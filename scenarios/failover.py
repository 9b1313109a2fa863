"""The broker's replica takes its place.

Memorystore Standard keeps one and promotes it: every connection drops, nothing answers for 15 s in
maintenance and 30 s in a repair, and what had been acknowledged and not yet replicated is lost.
"""

from stallproof import Demote, Failover, Limits, Workload, at, breaks, scenario

NO_OUTBOX = breaks(
    because="POST publishes straight to the broker and fails with it: no outbox.",
    sometimes=True,
)


@scenario(
    schedule=[at(3, Failover(how="demoted"), for_s=15)],
    workload=Workload(rate_per_s=1, for_s=21),
    expected={"guide-int-keys": NO_OUTBOX, "celery-defaults": NO_OUTBOX},
)
def failover_15s() -> None:
    """The replica takes over after fifteen seconds, nothing lost

    On Cloud Run: maintenance of Memorystore Standard: demoted, gone, another at its address.
    The guide promises: broker_connection_retry brings the worker back.
    Must hold: POST goes on being accepted all the while, the worker takes tasks again, nothing is
    lost or run twice.
    """


@scenario(
    schedule=[at(5, Failover(lag_s=2), for_s=15)],
    workload=Workload(rate_per_s=2, for_s=22, task_s=0.8),
    expected={"guide-int-keys": NO_OUTBOX, "celery-defaults": NO_OUTBOX},
)
def failover_writes_lost() -> None:
    """The replica that takes over is two seconds behind

    On Cloud Run: replication is asynchronous; what the primary acknowledged last goes with it, a
    message as well as the word that one was taken.
    The guide promises: acks_late recovers tasks.
    Must hold: every accepted story is done all the same, none twice, though its message is gone or
    in the queue again.
    """


@scenario(
    schedule=[at(3, Failover(), for_s=30)],
    workload=Workload(rate_per_s=0.5, for_s=36),
    limits=Limits(first_start_s=40),
    expected={"guide-int-keys": NO_OUTBOX, "celery-defaults": NO_OUTBOX},
)
def failover_30s() -> None:
    """The replica takes over after thirty seconds

    On Cloud Run: a repair of Memorystore Standard; reconnects are further apart by then.
    The guide promises: broker_connection_retry brings the worker back.
    Must hold: as failover-15s, and the worker that nobody hears from is not left for good.
    """


@scenario(
    schedule=[at(3, Demote(), for_s=5)],
    workload=Workload(for_s=13),
    expected={"guide-int-keys": NO_OUTBOX, "celery-defaults": NO_OUTBOX},
)
def broker_demoted() -> None:
    """The broker is a replica for five seconds, and answers

    On Cloud Run: a failover in which the old primary is demoted before its address moves.
    The guide promises: nothing; -UNBLOCKED and -READONLY are no connection errors to Celery.
    Must hold: a worker that exits of it is started again and works, POST goes on being accepted,
    nothing is lost or run twice.
    """
