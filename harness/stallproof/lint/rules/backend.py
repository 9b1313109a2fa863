"""Traps in the result backend's settings."""

from __future__ import annotations

from collections.abc import Iterator

from stallproof.lint.model import Hit, Severity, rule
from stallproof.lint.project import Project
from stallproof.lint.reading.celery_config import CeleryConfig

READ = {
    "retry_policy",
    "global_keyprefix",
    "result_chord_ordered",
    "additional_connection_errors",
    "master_name",
    "sentinel_kwargs",
    "min_other_sentinels",
    "socket_keepalive_options",  # a rule of its own
}
"""What celery 5.7.0's Redis backend looks up (celery/backends/redis.py)."""


def _keeps_results(config: CeleryConfig, project: Project) -> bool:
    """There is a Redis backend, and nothing that can be seen or may be hidden turns results off."""
    return config.backend_on_redis and config.complete and not project.sets("task_ignore_result")


@rule(
    "track-started-on-backend",
    Severity.ERROR,
    why=(
        "the worker writes STARTED to the result backend before the task's first line: while the "
        "backend is away the task fails there, is acknowledged, and is gone"
    ),
    instead="task_ignore_result=True; leave task_track_started out",
    proof="stallproof run result-backend-cut --profile guide-int-keys",
)
def track_started_on_backend(config: CeleryConfig, project: Project) -> Iterator[Hit]:
    """task_track_started with a result backend"""
    off = config.value("task_ignore_result") is False
    if config.value("task_track_started") is True and (
        _keeps_results(config, project) or (off and config.backend_on_redis)
    ):
        line = config.line_of("task_track_started")
        yield Hit(line, "task_track_started: each task depends on the result backend to start")


@rule(
    "results-nobody-reads",
    Severity.WARNING,
    why="publishing talks to the result backend first: while the backend is away, delay() fails",
    instead="task_ignore_result=True, or no backend, unless somebody reads the results",
    proof="stallproof run result-backend-cut --profile celery-defaults",
)
def results_nobody_reads(config: CeleryConfig, project: Project) -> Iterator[Hit]:
    """A result backend without task_ignore_result, and nothing that reads results"""
    if config.value("task_track_started") is True or project.reads_results:
        return
    if _keeps_results(config, project):
        line = config.line_of("result_backend")
        yield Hit(line, "a result backend without task_ignore_result")


@rule(
    "backend-options-ignored",
    Severity.WARNING,
    why="the Redis result backend reads nothing of the kind there",
    instead=(
        '{"retry_policy": {"max_retries": ...}}; timeouts are redis_socket_timeout, '
        "redis_retry_on_timeout and so on"
    ),
    proof="stallproof run result-backend-cut --profile guide-int-keys",
)
def backend_options_ignored(config: CeleryConfig, _project: Project) -> Iterator[Hit]:
    """result_backend_transport_options with keys that are not read"""
    options = config.table("result_backend_transport_options")
    entries = options.entries if options else ()
    found = [entry for entry in entries if isinstance(entry.key, str) and entry.key not in READ]
    if found and config.backend_on_redis:
        keys = ", ".join(entry.key for entry in found)
        yield Hit(found[0].line, f"result_backend_transport_options: {keys} not read")
