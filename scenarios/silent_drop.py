"""Connections die and nobody is told: what was open is dropped for good, new ones work.

A NAT, a firewall or a network path is replaced, and what comes next knows nothing of the
connections of the one before. No RST, no FIN. A proxy cannot show this: its own kernel goes on
acknowledging, so neither keepalive nor retransmission ever has a say. Here the packets themselves
vanish between the hosts, and a flow that is cut stays cut.
"""

from stallproof import BACKEND, EVERY, Limits, Link, SilentDrop, Way, Workload, at, breaks, scenario

WATCH = Limits(stall_s=15, first_start_s=15, drain_s=30, settle_s=45)
A_MINUTE = Limits(stall_s=15, first_start_s=15, drain_s=30, settle_s=75)
"""So long as to see kombu find out by itself: it looks 51 s after it last heard of BRPOP."""


@scenario(
    schedule=[at(4, SilentDrop(links=EVERY))],
    workload=Workload(rate_per_s=2, for_s=14),
    limits=WATCH,
    tags=["default"],
    expected={
        "celery-defaults": breaks(
            "stalled",
            "accept",
            "health",
            because=(
                "No socket_timeout and no keepalive: worker and POST wait on dead connections for "
                "as long as the kernel retransmits, a quarter of an hour, and say nothing. The "
                "worker's main thread waits for the answer to the heartbeat's PUBLISH, POST for "
                "that to LPUSH (both seized in 2 of 2 runs)."
            ),
        ),
        "guide-int-keys": breaks(
            "accept",
            because=(
                "Keepalive finds the dead BRPOP after 1 + 5 x 3 s; a POST sent into a dead "
                "connection waits for socket_timeout 30, for keepalive does not probe while data "
                "is in flight, and is sent again."
            ),
        ),
    },
)
def silent_drop_busy() -> None:
    """Under load, every open connection dies in silence

    On Cloud Run: the path between the services and Memorystore is replaced during maintenance.
    The guide promises: keepalive, socket_timeout 30 and health_check_interval 30 notice it.
    Must hold: the worker starts tasks again within 15 seconds, POST goes on being accepted within
    five, nothing is lost or run twice.
    """


@scenario(
    schedule=[at(4, SilentDrop(links=(Link.WORKER_BROKER,)))],
    workload=Workload(rate_per_s=2, for_s=14),
    limits=WATCH,
)
def silent_drop_busy_worker() -> None:
    """Under load, the worker's connections to the broker die in silence

    On Cloud Run: the worker's way to Memorystore is replaced, the API's is not.
    The guide promises: keepalive, socket_timeout 30 and health_check_interval 30 notice it.
    Must hold: the worker starts tasks again within 15 seconds, nothing is lost or run twice.
    """


@scenario(
    schedule=[at(4, SilentDrop(links=(Link.API_BROKER,)))],
    workload=Workload(rate_per_s=2, for_s=14),
    limits=WATCH,
)
def silent_drop_busy_api() -> None:
    """Under load, the API's connections to the broker die in silence

    On Cloud Run: the API's way to Memorystore is replaced, the worker's is not.
    The guide promises: socket_timeout 30 and keepalive end the wait.
    Must hold: POST goes on being accepted within five seconds, every story is done.
    """


@scenario(
    schedule=[at(5, SilentDrop(links=(Link.WORKER_BROKER,)))],
    workload=Workload(rate_per_s=0.1, for_s=20),
    limits=A_MINUTE,
    expected={
        "celery-defaults": breaks(
            "stalled",
            "recovery",
            "health",
            because="No socket_timeout and no keepalive: the worker waits on dead connections.",
        ),
        "guide-int-keys": breaks(
            because=(
                "Keepalive mostly finds the dead connections; where a command is under way on one "
                "of them it does not probe, and the worker is mute."
            ),
            sometimes=True,
        ),
    },
)
def silent_drop_idle_worker() -> None:
    """While nothing is to do, the worker's connections to the broker die in silence

    On Cloud Run: a quiet night, and a network path that is replaced in it.
    The guide promises: keepalive notices a dead connection that is idle.
    Must hold: the story that comes five seconds later is started within 15 seconds, and done.
    """


@scenario(
    schedule=[at(5, SilentDrop(links=(Link.API_BROKER, Link.API_BACKEND)))],
    workload=Workload(rate_per_s=0.1, for_s=20),
    limits=WATCH,
    expected={
        "celery-defaults": breaks(
            "accept",
            because="No socket_timeout: POST waits on the dead connection.",
        ),
        "guide-int-keys": breaks(
            "accept",
            because=(
                "POST comes before keepalive has given the connection up (1 + 5 x 3 s), and with "
                "data in flight it does not probe: socket_timeout 30 ends the wait."
            ),
        ),
    },
)
def silent_drop_idle_api() -> None:
    """While nothing is to do, the API's connections die in silence

    On Cloud Run: a quiet night, and a network path that is replaced in it.
    The guide promises: keepalive notices a dead connection that is idle.
    Must hold: the POST that comes five seconds later is accepted within five seconds, and done.
    """


@scenario(
    schedule=[at(5, SilentDrop(links=BACKEND))],
    workload=Workload(rate_per_s=0.1, for_s=20),
    limits=WATCH,
    expected={
        "guide-int-keys": breaks(
            "stalled",
            "recovery",
            because=(
                "The guide's keepalive does not reach the result backend's connections: "
                "task_track_started writes over a dead one before the task's first line, and waits "
                "for redis_socket_timeout, 120 s."
            ),
        ),
    },
)
def silent_drop_idle_backend() -> None:
    """While nothing is to do, the connections to the result backend die in silence

    On Cloud Run: results are kept in another Redis, and the way to that one is replaced.
    The guide promises: result_backend_transport_options with max_retries ride it out.
    Must hold: the story that comes five seconds later is accepted within five seconds, started
    within 15, and done.
    """


@scenario(
    schedule=[at(4, SilentDrop(links=EVERY, way=Way.TO_CLIENT))],
    workload=Workload(rate_per_s=2, for_s=14),
    limits=WATCH,
    expected={
        "celery-defaults": breaks(
            "stalled",
            "accept",
            "health",
            because=(
                "As silent-drop-busy: no socket_timeout and no keepalive, nothing ends the wait."
            ),
        ),
        "guide-int-keys": breaks(
            "accept",
            because=(
                "As silent-drop-busy; what was published without anybody hearing so is published "
                "again after socket_timeout 30, and runs twice."
            ),
        ),
    },
)
def one_way_loss() -> None:
    """Under load, what the broker answers vanishes while what it is asked arrives

    On Cloud Run: routes are asymmetric, and one of the two directions is replaced. What was
    published arrives although nobody hears so; what BRPOP popped is gone.
    The guide promises: retries ride it out.
    Must hold: the worker starts tasks again within 15 seconds, nothing is lost or run twice.
    """
