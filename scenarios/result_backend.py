"""The result backend is away while the broker is well."""

from stallproof import BACKEND, Down, Timeout, at, breaks, scenario


@scenario(
    schedule=[at(3, Down(links=BACKEND), for_s=6)],
    tags=["default", "gate"],
    expected={
        "guide-int-keys": breaks(
            "accept",
            because=(
                "delay() talks to the result backend before it publishes: without "
                "task_ignore_result a dead backend fails the POST. Besides, task_track_started "
                "writes there before a task's first line, and may lose the task."
            ),
        ),
        "celery-defaults": breaks(
            "accept",
            because=(
                "delay() talks to the result backend before it publishes: without "
                "task_ignore_result a dead backend fails the POST."
            ),
        ),
    },
)
def result_backend_cut() -> None:
    """The way to the result backend is refused

    On Cloud Run: results are kept in another Redis, and that one is down.
    The guide promises: result_backend_transport_options with max_retries ride it out.
    Must hold: stories are accepted and done as if nothing were.
    """


@scenario(
    schedule=[at(3, Timeout(links=BACKEND), for_s=6)],
    expected={
        "guide-int-keys": breaks(
            "lost",
            because=(
                "task_track_started writes to the result backend before the task's first line: "
                "the task fails there, is acknowledged, and its story is gone."
            ),
        ),
    },
)
def result_backend_silent() -> None:
    """The way to the result backend goes silent

    On Cloud Run: as above, but nobody says that it is down.
    The guide promises: result_backend_transport_options with max_retries ride it out.
    Must hold: stories are accepted and done as if nothing were.
    """
