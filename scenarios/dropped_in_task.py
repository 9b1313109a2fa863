"""The worker loses its connections in the middle of a task."""

from stallproof import (
    WORKER,
    ClientKill,
    IdleReset,
    Limits,
    Workload,
    at,
    breaks,
    scenario,
)


@scenario(
    schedule=[at(4, IdleReset(links=WORKER))],
    workload=Workload(rate_per_s=0.75, for_s=12, task_s=3.0),
    limits=Limits(first_start_s=20),
    tags=["default", "gate"],
    expected={
        "guide-int-keys": breaks(
            "stalled",
            because=(
                "retry_on_timeout decides it: with it the worker never notices that its "
                "connections are gone, acknowledges nothing more, logs nothing, and its health "
                "port says 200. Without it work flows again within a second (and the task in "
                "hand runs twice, because nothing claims its story); set in hardened, it mutes "
                "that as well. The call that it never comes back from was seized in 5 of 5 runs: "
                "PubSub.parse_response of redis-py, from kombu's Channel._receive_one, reads "
                "without a deadline a new connection that is subscribed to nothing, instead of "
                "raising the reset."
            ),
        ),
    },
)
def dropped_in_task() -> None:
    """The connection is reset while tasks run that are acknowledged late

    On Cloud Run: any reset of the network meets tasks of minutes, not of milliseconds.
    The guide promises: acks_late and reject_on_worker_lost recover the task.
    Must hold: each story ends exactly once: not lost with the connection, and not run a second
    time because its message was delivered again while the first run went on.
    """


@scenario(
    schedule=[at(4, ClientKill(links=WORKER, kind="normal"))],
    workload=Workload(rate_per_s=0.75, for_s=12, task_s=3.0),
    limits=Limits(first_start_s=20),
)
def killed_in_task() -> None:
    """The broker closes the worker's connections while tasks run

    On Cloud Run: CLIENT KILL by an operator, maxclients, or a proxy that is drained.
    The guide promises: acks_late and reject_on_worker_lost recover the task.
    Must hold: each story ends exactly once.
    """
