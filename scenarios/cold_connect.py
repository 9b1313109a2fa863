"""A connect takes longer than anybody thought.

Direct VPC egress on Cloud Run: the first connections of an instance may take a minute. The packets
that open a connection vanish here, so what is open goes on and what is to be opened waits.
"""

from stallproof import (
    EVERY,
    WORKER,
    BlackholeConnect,
    IdleReset,
    Limits,
    Workload,
    at,
    breaks,
    scenario,
)


@scenario(
    schedule=[
        at(3, BlackholeConnect(links=EVERY), for_s=10),
        at(4.5, IdleReset(links=EVERY)),
    ],
    workload=Workload(rate_per_s=2, for_s=20),
    tags=["default"],
    expected={
        "celery-defaults": breaks(
            "accept",
            because="POST connects in its own time: no socket_connect_timeout, no outbox.",
        ),
        "guide-int-keys": breaks(
            "accept",
            because=(
                "POST connects in its own time: socket_connect_timeout 30, no outbox. In most runs "
                "the worker is mute afterwards as well (as dropped-in-task)."
            ),
        ),
    },
)
def cold_connect() -> None:
    """Connections are reset, and for eight seconds no new one comes about

    On Cloud Run: an instance whose way to the VPC is cold, or is being replaced.
    The guide promises: socket_connect_timeout 30 and connection retries ride it out.
    Must hold: POST goes on being accepted within five seconds, work flows again when the way is
    open, nothing is lost or run twice.
    """


@scenario(
    schedule=[
        at(2, BlackholeConnect(links=WORKER), for_s=21),
        at(3, IdleReset(links=WORKER)),
    ],
    workload=Workload(rate_per_s=1, for_s=25),
    limits=Limits(first_start_s=9),
    expected={
        "celery-defaults": breaks(
            "recovery",
            "stalled",
            because=(
                "No socket_connect_timeout, and no socket_timeout that redis-py would take for it: "
                "the worker waits for the kernel, which asks again 15 s after the way is open."
            ),
        ),
        "guide-int-keys": breaks(
            "recovery",
            because=(
                "socket_connect_timeout 30 is longer than the way was closed: work flows again 10 "
                "s after it is open. In some runs the worker is mute then (as dropped-in-task)."
            ),
        ),
    },
)
def cold_reconnect() -> None:
    """The worker's connections are reset, and for twenty seconds it cannot open another

    On Cloud Run: the worker's way to the VPC is replaced. The kernel sends the packet that opens a
    connection again after 1, 2, 3, 4, 5, 7, 11, 19 and 35 s (1, 3, 7, 15 and 31 before Linux 6.5):
    who leaves it to the kernel goes on waiting for more than ten when the way is open already.
    The guide promises: socket_connect_timeout 30 and connection retries ride it out.
    Must hold: within nine seconds of the way's opening the worker takes tasks; none is lost or run
    twice.
    """
