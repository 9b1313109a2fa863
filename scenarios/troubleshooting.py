"""The guide's troubleshooting list, each entry made to happen."""

from stallproof import (
    EVERY,
    WORKER,
    BrokerRestart,
    ClientKill,
    Latency,
    Limits,
    SlowClose,
    Timeout,
    Workload,
    at,
    breaks,
    scenario,
)


@scenario(
    schedule=[at(3, Timeout(links=WORKER), for_s=20)],
    workload=Workload(rate_per_s=1, for_s=28),
    limits=Limits(settle_s=35),
    tags=["default", "gate"],
    expected={
        "celery-defaults": breaks(
            because=(
                "Without socket_timeout the worker waits on its dead connections; what BRPOP "
                "popped into them is gone."
            ),
            sometimes=True,
        ),
        "guide-int-keys": breaks(
            because=(
                "What BRPOP popped into a dead connection is gone; socket_timeout 30 ends the "
                "wait late."
            ),
            sometimes=True,
        ),
    },
)
def worker_not_processing() -> None:
    """The list's "worker not processing tasks": the worker's link goes silent for twenty seconds

    On Cloud Run: the path behind established connections is replaced; nobody tells either side.
    The guide promises: socket_timeout 30, keepalive and health_check_interval 30 notice it.
    Must hold: tasks start again soon after the link is back; nothing is lost or run twice.
    """


@scenario(
    schedule=[at(3, BrokerRestart(how="killed"), for_s=45)],
    workload=Workload(rate_per_s=0.5, for_s=52),
    limits=Limits(stall_s=40, first_start_s=40, settle_s=60, drain_s=60),
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
def health_check_failures() -> None:
    """The list's "health check failures": the broker is away for 45 seconds

    On Cloud Run: a repair of Memorystore; the worker's health port is all that the platform sees.
    The guide promises: the health thread keeps the instance alive.
    Must hold: the health port says what is true (503 while the worker cannot work), and work flows
    again when the broker is back, however often the platform restarted the worker meanwhile.
    """


@scenario(
    schedule=[
        at(3, ClientKill(links=EVERY, kind="normal")),
        at(6, ClientKill(links=EVERY, kind="pubsub")),
    ],
    workload=Workload(for_s=12),
    expected={
        "guide-int-keys": breaks(
            "stalled",
            because=(
                "As dropped-in-task: the worker does not notice that its connections are gone, "
                "and its health port says 200."
            ),
        ),
        "celery-defaults": breaks(
            because="A message is delivered again while its task runs: nothing claims the story.",
            sometimes=True,
        ),
    },
)
def redis_connection_drops() -> None:
    """The list's "Redis connection drops": the broker closes everybody's connections

    On Cloud Run: maintenance, a client limit, an operator.
    The guide promises: connection retry settings bring them back.
    Must hold: work goes on within seconds, nothing is lost or run twice.
    """


@scenario(
    schedule=[at(3, Latency(links=WORKER, latency_ms=1000), for_s=8)],
    workload=Workload(rate_per_s=0.25, for_s=16, task_s=6.0),
    limits=Limits(first_start_s=20),
)
def task_timeouts() -> None:
    """The list's "task timeouts": long tasks while the broker answers a second late

    On Cloud Run: generation takes longer than the network stays well.
    The guide promises: adjust timeouts.
    Must hold: each story ends exactly once.
    """


@scenario(
    schedule=[at(3, SlowClose(links=EVERY, delay_ms=2000), for_s=6)],
    workload=Workload(for_s=12),
)
def slow_close() -> None:
    """Connections take two seconds to close

    On Cloud Run: a middlebox that lingers on FIN.
    The guide promises: nothing in particular.
    Must hold: nobody waits for a close.
    """
