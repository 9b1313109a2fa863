"""Timers of an hour and of ten minutes at their own values: the system's time is compressed."""

from stallproof import (
    BrokerRestart,
    IdleReset,
    InstanceKill,
    Limits,
    Workload,
    at,
    breaks,
    scenario,
)


@scenario(
    schedule=[at(10, InstanceKill())],
    workload=Workload(rate_per_s=0.05, for_s=60, task_s=30),
    limits=Limits(
        stall_s=3760,
        first_start_s=3760,  # a boot takes the machine's seconds, and each is a minute here
        drain_s=3900,
        accept_s=60,
        unhealthy_after_s=3760,
        settle_s=4000,
    ),
    max_speed=60,
    tags=["clock"],
    expected={
        "celery-defaults": breaks(
            "lost",
            because=(
                "task_acks_late is off: the message is acknowledged before the work begins, so "
                "nothing is left that could be delivered again. The hour does not come into it."
            ),
        ),
    },
)
def visibility_timeout() -> None:
    """The worker's instance is killed in mid-task, and the broker holds the task for an hour

    On Cloud Run: instances go without warning at any time, minimum ones too.
    The guide promises: acks_late recovers the task; visibility_timeout is left at its hour.
    Must hold: the task is started again once the visibility timeout (3600 s, unless the profile
    sets another) and the wait for the next scan (100 s by default) are over: after 3600 to 3760 s.
    It is done once.
    """


@scenario(
    schedule=[at(600, IdleReset())],
    workload=Workload(rate_per_s=1 / 620, for_s=1250),
    limits=Limits(
        stall_s=60,
        first_start_s=60,
        drain_s=60,
        accept_s=30,
        unhealthy_after_s=90,
        settle_s=120,
    ),
    max_speed=30,
    tags=["clock"],
)
def idle_ten_minutes() -> None:
    """Nobody wants a story for ten minutes, then the network has forgotten the connections

    On Cloud Run: an idle connection to the VPC is closed after ten minutes.
    The guide promises: health_check_interval and keepalive hold it open, or notice.
    Must hold: the story after the pause is accepted and done, like the one before it. Here the
    forgotten connections answer with a reset; only timers of the application have run meanwhile.
    """


@scenario(
    schedule=[at(60, BrokerRestart(how="killed"), for_s=3235)],
    workload=Workload(rate_per_s=1 / 300, for_s=3600),
    limits=Limits(
        stall_s=600,  # a boot takes the machine's seconds, and each is half a minute here
        first_start_s=600,
        drain_s=900,
        accept_s=120,
        unhealthy_after_s=3600,
        settle_s=900,
    ),
    max_speed=30,
    settings={"app.health": "always-ok"},  # nobody but the worker itself may give up
    tags=["clock"],
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
def broker_away_an_hour() -> None:
    """The broker is away for 54 minutes: longer than a worker tries to reconnect by default

    On Cloud Run: a broker that was deleted, or an egress rule, until somebody wakes up; on a worker
    pool without a liveness probe, which would have replaced the worker long since.
    The guide promises: broker_connection_retry brings the worker back. Celery gives up after
    broker_connection_max_retries, 100 by default: 53 minutes.
    Must hold: POST goes on being accepted, and ten minutes after the broker is back work flows:
    the worker has waited, or has exited and was started again.
    """


@scenario(
    workload=Workload(rate_per_s=0.05, for_s=40, task_s=1800),
    limits=Limits(stall_s=300, accept_s=60, unhealthy_after_s=3600, settle_s=2400),
    max_speed=30,  # at 60 a story's lease, 6 s, is 0.1 s: on a busy machine it runs out
    settings={"app.health": "always-ok"},  # at this speed a boot is minutes, and not healthy
    tags=["clock"],
)
def half_hour_tasks() -> None:
    """Tasks of half an hour, while the broker waits for word of them

    On Cloud Run: generation that takes its time; the guide and Celery leave visibility_timeout at
    its hour, `hardened` has messages that nobody has acknowledged delivered again after 60 s.
    The guide promises: nothing in particular; longer tasks simply work.
    Must hold: each story is done once. A message that is delivered again while its task runs
    starts nothing.
    """
