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

KEPT_ALIVE = (
    "nat-expiry-long: holds with and without it; with it the connection is not forgotten and POST "
    "takes 0.1 s, without it 2 s (3 of 3 each)"
)

ENDS_SILENCE = (
    "silent-drop-idle-worker, nat-expiry-short: without socket_timeout and TCP_USER_TIMEOUT "
    "hardened fails both (3 of 3); either of the two is enough"
)
UNDECIDED_RESTORE = (
    "undecided: dropped-in-task holds with and without it, because the outbox is faster; kept so "
    "that an unacknowledged message is not held for an hour"
)

# Left out: retry_on_timeout, with which dropped-in-task mutes this profile, too;
# socket_connect_timeout, for which redis-py takes socket_timeout where it is not set (with it and
# without, cold-reconnect holds); broker_connection_retry_on_startup, which Celery has on of itself.
HARDENED = (
    Setting(
        "broker_transport_options.socket_timeout",
        3,
        ENDS_SILENCE,
    ),
    Setting(
        "broker_transport_options.health_check_interval",
        3,
        "silent-drop-idle-worker: holds with and without it; the worker takes the next task within "
        "3 s, without it 10 s; one-way-loss: 6 s and 14 s (3 runs each)",
    ),
    Setting("broker_transport_options.socket_keepalive", True, KEPT_ALIVE),
    Setting(
        "broker_transport_options.socket_keepalive_options.socket.TCP_KEEPIDLE", 10, KEPT_ALIVE
    ),
    Setting(
        "broker_transport_options.socket_keepalive_options.socket.TCP_KEEPINTVL", 5, KEPT_ALIVE
    ),
    Setting("broker_transport_options.socket_keepalive_options.socket.TCP_KEEPCNT", 3, KEPT_ALIVE),
    Setting(
        "broker_transport_options.socket_keepalive_options.socket.TCP_USER_TIMEOUT",
        5000,
        ENDS_SILENCE,
    ),
    Setting(
        "broker_transport_options.visibility_timeout",
        60,
        UNDECIDED_RESTORE,
    ),
    Setting(
        "broker_transport_options.unacked_restore_interval",
        5,
        UNDECIDED_RESTORE,
    ),
    Setting(
        "broker_transport_options.unacked_restore_throttle",
        1,
        UNDECIDED_RESTORE,
    ),
    Setting(
        "task_acks_late",
        True,
        "undecided: dropped-in-task holds with and without it, the outbox decides; "
        "kept from the guide",
    ),
    Setting(
        "task_reject_on_worker_lost",
        True,
        "undecided: no scenario kills a pool process yet; kept from the guide",
    ),
    Setting(
        "worker_prefetch_multiplier",
        1,
        "undecided: no more messages in a worker's hands than it works on; kept from the guide",
    ),
    Setting(
        "task_ignore_result",
        True,
        "result-backend-cut: it alone makes celery-defaults hold there; nobody reads the result",
    ),
    Setting(
        "worker_cancel_long_running_tasks_on_connection_loss",
        False,
        "broker-killed-in-task: holds with either; this way the work at hand is finished and "
        "stored, and the claim turns its second delivery away",
    ),
    Setting(
        "broker_channel_error_retry",
        True,
        "broker-demoted, broker-full: without it the worker exits of -READONLY, -UNBLOCKED and "
        "-OOM (five seconds for that, and a boot); with it it reconnects",
    ),
    Setting(
        "broker_connection_max_retries",
        None,
        "undecided: by default a worker gives up after 100 tries; no scenario is that long",
    ),
    Setting(
        "worker_soft_shutdown_timeout",
        6,
        "undecided by a scenario (tests/system: SIGTERM in mid-task puts the message back "
        "within Cloud Run's 10 s)",
    ),
    Setting("task_default_queue", "default"),
    Setting("task_queues", QUEUES),
    Setting("task_routes", ROUTES),
    Setting(
        "app.remap_sigterm",
        "SIGQUIT",
        "undecided by a scenario (tests/system): only so does SIGTERM start the soft shutdown",
    ),
    Setting(
        "app.outbox",
        True,
        "broker-back-empty, publish-into-silence, broker-killed-in-task: without it hardened "
        "fails each of them; only the stored story remembers what the broker lost",
    ),
    Setting(
        "app.health",
        "consumer-progress",
        "health-check-failures: without it hardened fails; a thread that always answers 200 "
        "stays green on a mute worker",
    ),
)

# No mingle: it talks to the other workers at each (re)connect, and on kombu before 5.4.0 it is
# what lets issue-7276 strike. No gossip: one more subscription that nobody needs. No heartbeat: its
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
