"""A connection that has been idle is reset by the network.

Cloud Run forgets idle flows after ten minutes towards the VPC and may reset any connection at
any time. A real RST does it here: the kernel of the broker's host destroys its side of each
socket, as a network that has forgotten the flow answers for it.
"""

from stallproof import API, WORKER, IdleReset, Limits, Workload, at, breaks, scenario


@scenario(
    schedule=[at(5, IdleReset(links=API, min_idle_s=1.0))],
    workload=Workload(rate_per_s=0.5, for_s=12),
    tags=["default", "gate"],
)
def idle_reset_api() -> None:
    """The API's idle connections are reset

    On Cloud Run: the API is quiet for a while, the network forgets its connection to the broker,
    and the next publish meets a reset.
    The guide promises: socket keepalive and retries keep publishing alive.
    Must hold: the next POST is accepted in time, its story is done, none is lost.
    """


@scenario(
    schedule=[at(4, IdleReset(links=WORKER))],
    tags=["default", "gate"],
    limits=Limits(first_start_s=10),
    expected={
        "guide-int-keys": breaks(
            because="As dropped-in-task, when a task happens to run at the reset.",
            sometimes=True,
        ),
    },
)
def idle_reset_worker() -> None:
    """All of the worker's connections are reset

    On Cloud Run: maintenance of the network path resets what the worker holds: the connection it
    waits for tasks on, the two for events and control, and those of its pool.
    The guide promises: the worker reconnects by itself.
    Must hold: it takes the next task within ten seconds; none is lost or run twice.
    """
