"""The API goes on publishing while it cannot reach the broker."""

from stallproof import API, Down, Timeout, Workload, at, breaks, scenario


@scenario(
    schedule=[at(3, Down(links=API), for_s=6)],
    workload=Workload(for_s=14),
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
def publish_refused() -> None:
    """The API's way to the broker refuses connections for six seconds

    On Cloud Run: an egress rule or a connector that is being replaced; the worker is well.
    The guide promises: retries (max_retries 10) ride it out.
    Must hold: every POST is accepted within five seconds, every story is done.
    """


@scenario(
    schedule=[at(3, Timeout(links=API), for_s=8)],
    workload=Workload(for_s=16),
    tags=["default", "gate"],
    expected={
        "guide-int-keys": breaks(
            "accept",
            because=(
                "socket_timeout 30 is longer than the silence; what was sent into it arrives "
                "after all, is sent again, and runs twice."
            ),
        ),
        "celery-defaults": breaks(
            "accept",
            because=(
                "No socket_timeout: POST waits for as long as the silence; what was sent into it "
                "arrives after all, is sent again, and runs twice."
            ),
        ),
    },
)
def publish_into_silence() -> None:
    """The API's way to the broker goes silent for eight seconds

    On Cloud Run: packets are dropped, nobody answers, nothing is refused.
    The guide promises: socket_timeout and keepalive end the wait.
    Must hold: every POST is accepted within five seconds, every story is done.
    """
