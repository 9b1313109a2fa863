"""What an hour of visibility timeout means, at its own value: the system's time is compressed."""

from stallproof import InstanceKill, Limits, Workload, at, scenario


@scenario(
    schedule=[at(10, InstanceKill())],
    workload=Workload(rate_per_s=0.05, for_s=60, task_s=30),
    limits=Limits(
        stall_s=3760,
        first_start_s=300,
        drain_s=3900,
        accept_s=60,
        unhealthy_after_s=3760,
        settle_s=4000,
    ),
    max_speed=60,
)
def visibility_timeout() -> None:
    """The worker's instance is killed in mid-task, and the broker holds the task for an hour

    On Cloud Run: instances go without warning at any time, minimum ones too.
    The guide promises: acks_late recovers the task; visibility_timeout is left at its hour.
    Must hold: the task is started again once the visibility timeout (3600 s, unless the profile
    sets another) and the wait for the next scan (100 s by default) are over: after 3600 to 3760 s.
    It is done once.
    """
