"""Every rule, by what it looks at."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from stallproof.lint.model import Rule, Word
from stallproof.lint.reading.celery_config import CeleryConfig
from stallproof.lint.reading.cloudbuild import Build
from stallproof.lint.reading.command import Command
from stallproof.lint.reading.dockerfile import Dockerfile
from stallproof.lint.reading.python import Module
from stallproof.lint.reading.requirements import Requirements
from stallproof.lint.rules import (
    backend,
    broker,
    cloudbuild,
    cloudrun,
    health,
    image,
    versions,
    worker,
)

CONFIG: tuple[Rule[CeleryConfig], ...] = (
    broker.keepalive_string_keys,
    broker.broker_retry_on_timeout,
    broker.broker_retries_ignored,
    broker.broker_socket_timeout,
    broker.keepalive_kernel_defaults,
    broker.keepalive_not_on,
    broker.health_check_interval_ignored,
    broker.visibility_timeout_default,
    backend.track_started_on_backend,
    backend.results_nobody_reads,
    backend.backend_options_ignored,
)
MODULE: tuple[Rule[Module], ...] = (health.health_always_ok,)
COMMAND: tuple[Rule[Command], ...] = (
    worker.worker_main_no_subcommand,
    worker.no_soft_shutdown,
    worker.sigterm_stops_at_shell,
    worker.asgi_under_wsgi,
    cloudrun.worker_cpu_throttled,
    cloudrun.worker_cpu_unstated,
    cloudrun.worker_scales_to_zero,
    cloudrun.worker_request_timeout,
    cloudrun.gcloud_logs_tail,
)
BUILD: tuple[Rule[Build], ...] = (
    cloudbuild.secrets_unused,
    cloudbuild.build_timeout_unstated,
    cloudbuild.artifacts_lost_on_failure,
)
IMAGE: tuple[Rule[Dockerfile], ...] = (image.runs_as_root,)
VALUES: tuple[Rule[Sequence[Word]], ...] = (image.container_registry,)
REQUIREMENTS: tuple[Rule[Requirements], ...] = (
    versions.celery_without_hub_reset,
    versions.issue_7276,
    versions.celery_pinned_alone,
    versions.celery_without_redis_extra,
)

ALL: tuple[Rule[Any], ...] = (
    *CONFIG,
    *MODULE,
    *COMMAND,
    *BUILD,
    *IMAGE,
    *VALUES,
    *REQUIREMENTS,
)
