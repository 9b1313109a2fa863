"""The way to the broker is slow."""

from stallproof import EVERY, Latency, Limits, Workload, at, breaks, scenario


@scenario(
    schedule=[at(3, Latency(links=EVERY, latency_ms=50, jitter_ms=10), for_s=6)],
    workload=Workload(for_s=12),
)
def latency_50ms() -> None:
    """Every answer of the broker is 50 ms late

    On Cloud Run: the broker is in another zone or region.
    The guide promises: nothing in particular; it must simply work.
    Must hold: all stories are done, POST stays quick.
    """


@scenario(
    schedule=[at(3, Latency(links=EVERY, latency_ms=500, jitter_ms=100), for_s=6)],
    workload=Workload(for_s=12),
    tags=["default"],
    expected={
        "celery-defaults": breaks(
            because=(
                "A new connection to the broker and one to the result backend take a dozen round "
                "trips within one POST."
            ),
            sometimes=True,
        ),
        "guide-int-keys": breaks(
            because=(
                "As under celery-defaults; with fewer round trips it is just within the limit, or "
                "just not."
            ),
            sometimes=True,
        ),
    },
)
def latency_500ms() -> None:
    """Every answer of the broker is half a second late

    On Cloud Run: a broker that is saturated, or a VPC connector that is.
    The guide promises: timeouts of 30 s ride it out.
    Must hold: all stories are done; no POST takes longer than five seconds.
    """


@scenario(
    schedule=[at(3, Latency(links=EVERY, latency_ms=3000, jitter_ms=1000), for_s=12)],
    workload=Workload(rate_per_s=1, for_s=18),
    limits=Limits(settle_s=40, drain_s=40),
    expected={
        "guide-int-keys": breaks(
            "accept",
            because=(
                "POST waits for every round trip: socket_timeout 30 bounds one of them, not their "
                "sum."
            ),
        ),
        "celery-defaults": breaks(
            "accept",
            because="POST waits for every round trip.",
        ),
    },
)
def latency_3s() -> None:
    """Every answer of the broker is three seconds late, give or take one

    On Cloud Run: a network path about to fail.
    The guide promises: timeouts of 30 s ride it out.
    Must hold: no POST takes longer than five seconds, the worker goes on when it is over, nothing
    is lost or run twice.
    """
