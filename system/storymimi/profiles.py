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
    "silent-drop-idle-worker: without socket_timeout and TCP_USER_TIMEOUT hardened fails (3 of 3: "
    "40 s until the next task, with them 2.7 s); either of the two is enough"
)
KEPT_SHORT = (
    "not missed: dropped-in-task holds with and without it, because the outbox is faster; it stays "
    "so that an unacknowledged message is not held for an hour"
)

# What is here earned its place in docs/KNOBS.md, each knob off alone and on alone, three runs a
# side. Left out: retry_on_timeout, with which dropped-in-task mutes this profile, too;
# socket_connect_timeout, for which redis-py takes socket_timeout where it is not set;
# broker_connection_retry_on_startup, which Celery has on of itself; unacked_restore_interval and
# unacked_restore_throttle, for the outbox is faster than any scan; broker_connection_max_retries,
# for a worker that gives up after 53 minutes exits, and the platform starts it again.
HARDENED = (
    Setting(
        "broker_transport_options.socket_timeout",
        3,
        ENDS_SILENCE,
    ),
    Setting(
        "broker_transport_options.health_check_interval",
        3,
        "one-way-loss: without it hardened fails (3 of 3: 15 s until the next task, with it 6 s); "
        "silent-drop-idle-worker: 9 s and 3 s",
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
        KEPT_SHORT,
    ),
    Setting(
        "task_acks_late",
        True,
        "visibility-timeout: without it guide-int-keys and celery-defaults lose the task of a "
        "killed worker (3 of 3 each), with it none; not missed here, the outbox decides; "
        "task_reject_on_worker_lost and the soft shutdown do nothing without it",
    ),
    Setting(
        "task_reject_on_worker_lost",
        True,
        "child-killed: without it guide-int-keys and celery-defaults lose the task (3 of 3 each), "
        "with it none; hardened loses none either way",
    ),
    Setting(
        "worker_prefetch_multiplier",
        1,
        "killed-with-backlog: guide-int-keys leaves 2 stories for an hour, without it 8 (3 runs "
        "each); here the outbox sees to them",
    ),
    Setting(
        "task_ignore_result",
        True,
        "result-backend-cut: it alone makes celery-defaults hold there; nobody reads the result",
    ),
    Setting(
        "worker_cancel_long_running_tasks_on_connection_loss",
        False,
        "dropped-in-task: the backlog is done after 3.4 s, without it 12 s (3 runs each): the work "
        "at hand is finished and stored, and the claim turns its second delivery away",
    ),
    Setting(
        "broker_channel_error_retry",
        True,
        "broker-demoted, broker-full: without it the worker exits of -READONLY, -UNBLOCKED and "
        "-OOM (five seconds for that, and a boot); with it it reconnects",
    ),
    Setting(
        "worker_soft_shutdown_timeout",
        6,
        "sigterm-long-task: alone it makes celery-defaults (with task_acks_late) hold, 3 of 3 "
        "against 0 of 3; here the next start comes after 11 s, without it 15 s. It has a price: "
        "with 8 s of work left tasks are begun again that would have ended in time (3 of 3)",
    ),
    Setting("task_default_queue", "default"),
    Setting("task_queues", QUEUES),
    Setting("task_routes", ROUTES),
    Setting(
        "app.remap_sigterm",
        "SIGQUIT",
        "tests/system: only so does SIGTERM start the soft shutdown",
    ),
    Setting(
        "app.outbox",
        True,
        "broker-back-empty, publish-into-silence, dropped-in-task: without it hardened fails each "
        "of them (3 of 3); only the stored story remembers what the broker lost",
    ),
    Setting(
        "app.health",
        "consumer-progress",
        "health-check-failures: work flows again after 1.5 to 2.7 s, without it 11 s (3 runs "
        "each): a thread that always answers 200 stays green on a mute worker",
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
