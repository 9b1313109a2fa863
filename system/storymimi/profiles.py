"""Named Celery configurations, as data: one `Setting` a line, its reason beside it.

`guide` is the published guide to the letter, mistakes included. `guide-int-keys` mends the
one mistake that keeps it from starting. `celery-defaults` sets nothing. `hardened` is what
our own experiments support. How they become a configuration: `configuration.py`.

Keys are dotted. `socket.TCP_KEEPIDLE` at the end of a key stands for the integer of that
name; a bare `TCP_KEEPIDLE` is the string the guide has. `app.*` keys are ours, not Celery's.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

from kombu.entity import Queue

TASK = "storymimi.tasks.generate_story_task"


class Setting(NamedTuple):
    key: str
    value: Any
    why: str | None = None
    """The scenario that decides it, and what happens there without it."""


@dataclass(frozen=True, kw_only=True)
class Profile:
    blocks: tuple[str, ...] = ()
    """Names of this module's settings, laid over one another in this order."""
    without: tuple[str, ...] = ()
    """Keys (with all below them) that the first block's settings lose."""
    worker_args: tuple[str, ...] = ()


QUEUES = (  # kombu's Queue has no types
    Queue("default", routing_key="default"),  # type: ignore[no-untyped-call]
    Queue("story_generation", routing_key="story_generation"),  # type: ignore[no-untyped-call]
)
ROUTES = {TASK: {"queue": "story_generation"}}

# Section 2 of the guide; only the task's own name differs.
GUIDE = (
    Setting("broker_transport_options.retry_on_timeout", True),
    Setting("broker_transport_options.max_retries", 10),
    Setting("broker_transport_options.interval_start", 0),
    Setting("broker_transport_options.interval_step", 0.2),
    Setting("broker_transport_options.interval_max", 1),
    Setting("broker_transport_options.socket_keepalive", True),
    Setting("broker_transport_options.socket_keepalive_options.TCP_KEEPIDLE", 1),
    Setting("broker_transport_options.socket_keepalive_options.TCP_KEEPINTVL", 3),
    Setting("broker_transport_options.socket_keepalive_options.TCP_KEEPCNT", 5),
    Setting("broker_transport_options.socket_connect_timeout", 30),
    Setting("broker_transport_options.socket_timeout", 30),
    Setting("broker_transport_options.health_check_interval", 30),
    Setting("task_serializer", "json"),
    Setting("accept_content", ["json"]),
    Setting("result_serializer", "json"),
    Setting("timezone", "UTC"),
    Setting("enable_utc", True),
    Setting("worker_prefetch_multiplier", 1),
    Setting("task_acks_late", True),
    Setting("task_reject_on_worker_lost", True),
    Setting("task_track_started", True),
    Setting("broker_connection_retry_on_startup", True),
    Setting("broker_connection_retry", True),
    Setting("result_backend_transport_options.retry_on_timeout", True),
    Setting("result_backend_transport_options.max_retries", 10),
    Setting("task_default_queue", "default"),
    Setting("task_queues", QUEUES),
    Setting("task_routes", ROUTES),
)

# Section 3 of the guide.
GUIDE_WORKER_ARGS = (
    "--loglevel=info",
    "--without-mingle",
    "--without-gossip",
    "--without-heartbeat",
    "--pool=prefork",
    "--concurrency=2",
    "--max-tasks-per-child=100",
    "--queues=story_generation,default",
)

INT_KEEPALIVE = (
    Setting("broker_transport_options.socket_keepalive_options.socket.TCP_KEEPIDLE", 1),
    Setting("broker_transport_options.socket_keepalive_options.socket.TCP_KEEPINTVL", 3),
    Setting("broker_transport_options.socket_keepalive_options.socket.TCP_KEEPCNT", 5),
)

HARDENED = (
    Setting(
        "broker_transport_options.socket_timeout",
        3,
        "silent-drop-worker: without it a synchronous command on a dead connection waits for "
        "the kernel's 15 minutes in the consumer's own thread; each dead connection costs one",
    ),
    Setting(
        "broker_transport_options.socket_connect_timeout",
        3,
        "silent-drop-worker: bounds a reconnect that nobody answers",
    ),
    Setting(
        "broker_transport_options.health_check_interval",
        3,
        "silent-drop-worker: a BRPOP without an answer is given up after at most "
        "1 s + 2 x this (kombu 5.7.0)",
    ),
    Setting(
        "broker_transport_options.socket_keepalive",
        True,
        "idle-reset-worker: the keepalive options count only when it is on",
    ),
    Setting(
        "broker_transport_options.socket_keepalive_options.socket.TCP_KEEPIDLE",
        10,
        "idle-reset-worker: probes keep a flow alive that a middlebox forgets when idle",
    ),
    Setting(
        "broker_transport_options.socket_keepalive_options.socket.TCP_KEEPINTVL",
        5,
        "idle-reset-worker: with TCP_KEEPCNT, an idle dead connection ends 25 s after its last use",
    ),
    Setting(
        "broker_transport_options.socket_keepalive_options.socket.TCP_KEEPCNT",
        3,
        "idle-reset-worker: see TCP_KEEPINTVL",
    ),
    Setting(
        "broker_transport_options.socket_keepalive_options.socket.TCP_USER_TIMEOUT",
        5000,
        "silent-drop-worker: milliseconds; ends a connection whose sent bytes nobody "
        "acknowledges, which keepalive does not (the kernel retransmits, it does not probe)",
    ),
    Setting(
        "broker_transport_options.visibility_timeout",
        60,
        "worker-killed: a killed worker's message comes back after this, not after an hour; "
        "the claim makes a delivery in the middle of a longer task harmless",
    ),
    Setting(
        "broker_transport_options.unacked_restore_interval",
        5,
        "worker-killed: kombu 5.7.0 looks for messages to restore this often, in seconds",
    ),
    Setting(
        "broker_transport_options.unacked_restore_throttle",
        1,
        "worker-killed: on each look, not on each tenth",
    ),
    Setting(
        "task_acks_late",
        True,
        "worker-killed: a message is acknowledged once its story is stored, not before",
    ),
    Setting(
        "task_reject_on_worker_lost",
        True,
        "child-killed: the message of a killed pool process goes back to the queue",
    ),
    Setting(
        "worker_prefetch_multiplier",
        1,
        "worker-killed: no more messages in a worker's hands than it works on",
    ),
    Setting(
        "task_ignore_result",
        True,
        "result-backend-cut: nobody reads the result, and a dead backend blocks publishing",
    ),
    Setting(
        "worker_cancel_long_running_tasks_on_connection_loss",
        False,
        "broker-killed-4s: the story in work is finished and stored, and the claim turns its "
        "second delivery away; cancelling would throw the work away",
    ),
    Setting("broker_connection_retry_on_startup", True, "broker-down-at-start: wait, don't exit"),
    Setting(
        "broker_connection_max_retries",
        None,
        "broker-killed-4s: by default a worker gives up after 100 tries",
    ),
    Setting(
        "worker_soft_shutdown_timeout",
        6,
        "sigterm-in-task: of Cloud Run's 10 s; then the message goes back to the queue",
    ),
    Setting("task_default_queue", "default"),
    Setting("task_queues", QUEUES),
    Setting("task_routes", ROUTES),
    Setting(
        "app.remap_sigterm",
        "SIGQUIT",
        "sigterm-in-task: only so does SIGTERM start the soft shutdown",
    ),
    Setting(
        "app.outbox",
        True,
        "silent-drop-worker: a message popped into a dead connection is gone for good; only "
        "the stored story remembers it",
    ),
    Setting(
        "app.health",
        "consumer-progress",
        "broker-killed-4s: a thread that always answers 200 stays green on a mute worker",
    ),
)

# No mingle: it talks to the other workers at each (re)connect, and on kombu before 5.7.0 it is
# what lets #7276 strike. No gossip: one more subscription that nobody needs. No heartbeat: its
# PUBLISH can hang in the consumer's thread, and nobody listens.
HARDENED_WORKER_ARGS = (
    "--loglevel=info",
    "--without-mingle",
    "--without-gossip",
    "--without-heartbeat",
    "--pool=prefork",
    "--concurrency=2",
    "--queues=story_generation,default",
)

PROFILES = {
    "guide": Profile(blocks=("GUIDE",), worker_args=GUIDE_WORKER_ARGS),
    "guide-int-keys": Profile(
        blocks=("GUIDE", "INT_KEEPALIVE"),
        without=("broker_transport_options.socket_keepalive_options",),
        worker_args=GUIDE_WORKER_ARGS,
    ),
    "celery-defaults": Profile(),
    "hardened": Profile(blocks=("HARDENED",), worker_args=HARDENED_WORKER_ARGS),
}
