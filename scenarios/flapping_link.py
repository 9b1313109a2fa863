"""The link to the broker comes and goes."""

from stallproof import EVERY, Down, Workload, at, breaks, scenario


@scenario(
    schedule=[at(2 + 2 * i, Down(links=EVERY), for_s=1) for i in range(5)],
    workload=Workload(for_s=16),
    tags=["default"],
    expected={
        "celery-defaults": breaks(
            because="POST publishes straight to the broker and fails with it: no outbox.",
            sometimes=True,
        ),
        "guide-int-keys": breaks(
            because="POST publishes straight to the broker and fails with it: no outbox.",
            sometimes=True,
        ),
    },
)
def flapping_link() -> None:
    """A second down, a second up, five times

    On Cloud Run: a network path that is being replaced.
    The guide promises: the worker reconnects by itself.
    Must hold: work flows again when it is over, nothing is lost or run twice.
    """
