"""Instances and processes end in the middle of their work, told or untold."""

from stallproof import InstanceKill, KillChild, Limits, Terminate, Workload, at, breaks, scenario


@scenario(
    schedule=[at(4, Terminate())],
    workload=Workload(rate_per_s=0.75, for_s=18, task_s=3.0),
    limits=Limits(stall_s=25, first_start_s=25, drain_s=35, settle_s=40),
)
def sigterm_short_task() -> None:
    """The worker's instance is told to go while tasks of three seconds run

    On Cloud Run: scale-in, a new revision, maintenance: SIGTERM, ten seconds, SIGKILL.
    The guide promises: nothing in particular; Celery's warm shutdown waits for what runs.
    Must hold: each story ends exactly once. The next is begun within 25 seconds of the signal: the
    ten that an instance has, and the fifteen that a recovery may take everywhere, a start among it.
    """


@scenario(
    schedule=[at(3, Terminate())],
    workload=Workload(rate_per_s=0.5, for_s=3.5, task_s=15.0),
    limits=Limits(stall_s=25, first_start_s=25, drain_s=50, settle_s=55),
    expected={
        "celery-defaults": breaks(
            "lost",
            because=(
                "task_acks_late is off: the message is acknowledged before the work begins, and "
                "SIGKILL ends the work."
            ),
        ),
        "guide-int-keys": breaks(
            "unfinished",
            because=(
                "A warm shutdown waits for the task, and puts nothing back, until SIGKILL comes: "
                "the message is kept in unacked until visibility_timeout is over, an hour by "
                "default. worker_soft_shutdown_timeout with REMAP_SIGTERM puts it back in time."
            ),
        ),
    },
)
def sigterm_long_task() -> None:
    """The worker's instance is told to go while tasks of fifteen seconds run

    On Cloud Run: a task of minutes never fits into the ten seconds.
    The guide promises: acks_late recovers the task.
    Must hold: each story ends exactly once. What ran at the signal is begun again within 25 seconds
    of it, as in sigterm-short-task, and done within 50: the lease of six seconds that a worker may
    leave behind, and the task.
    """


@scenario(
    schedule=[at(4, InstanceKill())],
    workload=Workload(rate_per_s=0.75, for_s=14, task_s=3.0),
    expected={
        "celery-defaults": breaks(
            "lost",
            because=(
                "task_acks_late is off: the message is acknowledged before the work begins, so "
                "nothing is left that could be delivered again."
            ),
        ),
        "guide-int-keys": breaks(
            "unfinished",
            because=(
                "The message is kept in unacked until visibility_timeout is over, an hour by "
                "default (visibility-timeout), and nothing else knows of the story."
            ),
        ),
    },
)
def instance_killed() -> None:
    """The worker's instance is killed in mid-task, without a warning

    On Cloud Run: out of memory, a machine that fails: the whole instance is gone at once.
    The guide promises: acks_late recovers the task.
    Must hold: each story ends exactly once; no work waits longer than ten seconds.
    """


@scenario(
    schedule=[at(4, KillChild())],
    workload=Workload(rate_per_s=0.75, for_s=14, task_s=3.0),
    expected={
        "celery-defaults": breaks(
            "lost",
            because=(
                "task_acks_late is off: the message was acknowledged before the work began, so "
                "there is none that the worker could put back."
            ),
        ),
    },
)
def child_killed() -> None:
    """One pool process of the worker is killed in mid-task

    On Cloud Run: the kernel runs out of memory and takes the process that holds the most.
    The guide promises: task_reject_on_worker_lost gives its task back.
    Must hold: each story ends exactly once; no work waits longer than ten seconds.
    """
