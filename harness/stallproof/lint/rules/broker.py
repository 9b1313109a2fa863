"""Traps in the broker's connection options (`broker_transport_options`)."""

from __future__ import annotations

from collections.abc import Iterator

from stallproof.lint.model import Hit, Severity, rule
from stallproof.lint.project import Project
from stallproof.lint.reading.celery_config import CeleryConfig
from stallproof.lint.reading.python import UNKNOWN

OPTIONS = "broker_transport_options"
LONGEST_TIMEOUT_S = 10
IGNORED = ("max_retries", "interval_start", "interval_step", "interval_max")
INT_KEYS = "{socket.TCP_KEEPIDLE: 10, socket.TCP_KEEPINTVL: 5, socket.TCP_KEEPCNT: 3}"


@rule(
    "keepalive-string-keys",
    Severity.ERROR,
    why="setsockopt takes integers: the first connect raises TypeError and the worker never starts",
    instead=f"integer keys, from the socket module: {INT_KEYS}",
    proof="stallproof run idle-reset-worker --profile guide",
)
def keepalive_string_keys(config: CeleryConfig, _project: Project) -> Iterator[Hit]:
    """socket_keepalive_options has strings for keys"""
    for name in (OPTIONS, "result_backend_transport_options"):
        options = config.table(name)
        keepalive = options.get("socket_keepalive_options") if options else None
        table = config.module.table(keepalive.value) if keepalive else None
        wrong = [entry for entry in table.entries if isinstance(entry.key, str)] if table else []
        if wrong:
            keys = ", ".join(str(entry.key) for entry in wrong)
            yield Hit(wrong[0].line, f"socket_keepalive_options has strings for keys: {keys}")


@rule(
    "broker-retry-on-timeout",
    Severity.ERROR,
    why=(
        "a reset in the middle of a task mutes the worker: it never notices that its connections "
        "are gone, logs nothing, and takes no more tasks"
    ),
    instead="leave it out",
    proof="stallproof run dropped-in-task --profile guide-int-keys",
)
def broker_retry_on_timeout(config: CeleryConfig, _project: Project) -> Iterator[Hit]:
    """retry_on_timeout is set on the broker"""
    options = config.table(OPTIONS)
    entry = options.get("retry_on_timeout") if options else None
    if entry and config.module.literal(entry.value) is True:
        yield Hit(entry.line, "retry_on_timeout is True on the broker")


@rule(
    "broker-retries-ignored",
    Severity.WARNING,
    why=(
        "the worker's reconnect does not read them, and task_publish_retry_policy overwrites them "
        "when publishing"
    ),
    instead=(
        "task_publish_retry_policy for publishing; broker_connection_max_retries for the worker"
    ),
    proof="stallproof run publish-refused --profile guide-int-keys",
)
def broker_retries_ignored(config: CeleryConfig, _project: Project) -> Iterator[Hit]:
    """max_retries or interval_* stand in broker_transport_options"""
    options = config.table(OPTIONS)
    found = [entry for entry in options.entries if entry.key in IGNORED] if options else []
    if found and config.on_redis:
        keys = ", ".join(str(entry.key) for entry in found)
        yield Hit(found[0].line, f"{keys}: not read where one would think")


@rule(
    "broker-socket-timeout",
    Severity.ERROR,
    why=(
        "when the network goes silent a publish or the worker's own command waits this long, and "
        "without it until the kernel gives up: about a quarter of an hour"
    ),
    instead="socket_timeout of 3 to 5 s in broker_transport_options",
    proof=(
        "stallproof run worker-not-processing publish-into-silence "
        "--profile celery-defaults --profile guide-int-keys"
    ),
)
def broker_socket_timeout(config: CeleryConfig, project: Project) -> Iterator[Hit]:
    """socket_timeout on the broker is missing or long"""
    options = config.transport
    entry = options.get("socket_timeout") if options else None
    value = config.module.literal(entry.value) if entry else None
    if value is UNKNOWN or options is None or not config.on_redis:
        return
    if isinstance(value, int | float) and value > LONGEST_TIMEOUT_S and entry:
        yield Hit(entry.line, f"socket_timeout on the broker is {value:g} s")
    elif entry and value is None:
        yield Hit(entry.line, "socket_timeout on the broker is None: it waits for ever")
    elif not entry and options.complete and not project.sets_option("socket_timeout"):
        yield Hit(config.line_of(OPTIONS), "no socket_timeout on the broker: it waits for ever")


@rule(
    "keepalive-kernel-defaults",
    Severity.WARNING,
    why=(
        "the kernel's own idle time is 7200 s; Cloud Run's network forgets an idle connection "
        "after 10 minutes"
    ),
    instead=f"socket_keepalive_options: {INT_KEYS}",
    proof="sysctl net.ipv4.tcp_keepalive_time",
)
def keepalive_kernel_defaults(config: CeleryConfig, project: Project) -> Iterator[Hit]:
    """socket_keepalive without socket_keepalive_options"""
    options = config.table(OPTIONS)
    entry = options.get("socket_keepalive") if options else None
    if options is None or entry is None or not options.complete:
        return
    missing = not project.sets_option("socket_keepalive_options")
    if missing and config.module.literal(entry.value) is True:
        yield Hit(entry.line, "socket_keepalive without options probes after 7200 s")


@rule(
    "keepalive-not-on",
    Severity.WARNING,
    why="socket_keepalive_options are ignored unless socket_keepalive is on",
    instead='"socket_keepalive": True beside them',
    proof="python -c 'import inspect, redis; print(inspect.getsource(redis.Connection._connect))'",
)
def keepalive_not_on(config: CeleryConfig, project: Project) -> Iterator[Hit]:
    """socket_keepalive_options without socket_keepalive"""
    options = config.table(OPTIONS)
    entry = options.get("socket_keepalive_options") if options else None
    if options is None or entry is None or not options.complete:
        return
    switch = options.get("socket_keepalive")
    off = switch is not None and config.module.literal(switch.value) in (False, None)
    if off or (switch is None and not project.sets_option("socket_keepalive")):
        yield Hit(entry.line, "socket_keepalive_options without socket_keepalive do nothing")


@rule(
    "health-check-interval-ignored",
    Severity.WARNING,
    why="kombu up to 5.6.2 drops health_check_interval when redis-py is 7 or newer",
    instead="kombu 5.7.0 or newer",
    proof="kombu 5.6.2, kombu/transport/redis.py, Channel._connparams",
)
def health_check_interval_ignored(config: CeleryConfig, project: Project) -> Iterator[Hit]:
    """health_check_interval with versions that do not read it"""
    options = config.table(OPTIONS)
    entry = options.get("health_check_interval") if options else None
    redis = any(stated.surely(at_least="7") for stated in project.stated("redis"))
    kombu = any(stated.surely(at_most="5.6.2") for stated in project.stated("kombu"))
    if entry and redis and kombu:
        yield Hit(entry.line, "health_check_interval does nothing with the versions stated")


@rule(
    "visibility-timeout-default",
    Severity.WARNING,
    why=(
        "a task that a worker took with it comes back only after visibility_timeout: an hour by "
        "default, and the scan that looks for it runs every 100 s"
    ),
    instead=(
        "visibility_timeout somewhat over the longest task; unacked_restore_interval and "
        "unacked_restore_throttle (kombu 5.7) for the scan"
    ),
    proof="stallproof run broker-killed-half-second --profile guide-int-keys --repeat 10",
)
def visibility_timeout_default(config: CeleryConfig, project: Project) -> Iterator[Hit]:
    """task_acks_late without visibility_timeout"""
    options = config.transport
    if config.value("task_acks_late") is not True or not config.on_redis:
        return
    if options is not None and options.complete and not project.sets_option("visibility_timeout"):
        line = config.line_of("task_acks_late")
        yield Hit(line, "task_acks_late without visibility_timeout: an hour until a lost task runs")
