"""A worker is started anew, and what it needs at the start is not there.

Instances go at any time, and a new one starts wherever the system stands just then: while the
broker is away, or while a backlog waits and what the former instance held is in nobody's hands.
"""

from stallproof import (
    BrokerRestart,
    InstanceKill,
    Limits,
    Workload,
    at,
    breaks,
    scenario,
)


@scenario(
    schedule=[at(3.5, BrokerRestart(how="killed"), for_s=9), at(4.5, InstanceKill())],
    workload=Workload(rate_per_s=1, for_s=16),
    expected={
        "guide-int-keys": breaks(
            "accept",
            because="POST publishes straight to the broker and fails with it: no outbox.",
        ),
        "celery-defaults": breaks(
            "accept",
            because="POST publishes straight to the broker and fails with it: no outbox.",
        ),
    },
)
def broker_away_at_start() -> None:
    """The worker's instance is replaced while the broker is away

    On Cloud Run: maintenance of Memorystore, and a new revision or instance in the middle of it.
    The guide promises: broker_connection_retry_on_startup makes the new worker wait.
    Must hold: POST goes on being accepted, the worker takes tasks when the broker is back, none is
    lost or run twice.
    """


@scenario(
    schedule=[at(5, InstanceKill())],
    workload=Workload(rate_per_s=4, for_s=6, task_s=1.0),
    limits=Limits(stall_s=20, first_start_s=20),  # a worker has to start meanwhile
    expected={
        "guide-int-keys": breaks(
            "unfinished",
            because=(
                "No outbox: what the dead worker held waits for the visibility timeout of an hour. "
                "With worker_prefetch_multiplier 1 that is what it worked on."
            ),
        ),
        "celery-defaults": breaks(
            "unfinished",
            "lost",
            because=(
                "What it worked on was acknowledged before: lost. What it held in advance, four "
                "messages a process, waits for the visibility timeout of an hour."
            ),
        ),
    },
)
def killed_with_backlog() -> None:
    """The worker's instance is killed while stories wait

    On Cloud Run: instances go without warning at any time, minimum ones too.
    The guide promises: acks_late recovers tasks, worker_prefetch_multiplier 1 keeps them in the
    queue until they can be worked on.
    Must hold: each story is done, once. What the dead worker held in advance is in `unacked` for
    the visibility timeout; the fewer it held, the fewer wait.
    """
