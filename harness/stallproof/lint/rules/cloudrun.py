"""Traps in `gcloud` command lines."""

from __future__ import annotations

import re
from collections.abc import Iterator

from stallproof.lint.model import Hit, Severity, rule
from stallproof.lint.project import Project
from stallproof.lint.reading.command import Command
from stallproof.lint.reading.gcloud import Deploy, deploy_of, positionals

BILLING = "https://cloud.google.com/run/docs/configuring/billing-settings"
MINIMUM = ("--min-instances", "--min", "--scaling")
LONGEST_DEFAULT_S = 300
POOL = "--no-cpu-throttling with --min-instances=1, or gcloud run worker-pools deploy"


def _worker(command: Command) -> Deploy | None:
    deploy = deploy_of(command)
    return deploy if deploy is not None and deploy.is_worker else None


@rule(
    "worker-cpu-throttled",
    Severity.ERROR,
    why=(
        "a Celery worker gets no requests, and between requests its CPU is taken away: "
        "this is the opposite of CPU always allocated"
    ),
    instead=POOL,
    proof=BILLING,
)
def worker_cpu_throttled(command: Command, _project: Project) -> Iterator[Hit]:
    """--cpu-throttling on a worker"""
    if deploy := _worker(command):
        for word in command.arguments:
            if word.text in ("--cpu-throttling", "--cpu-throttling=true"):
                yield Hit(word.line, f"--cpu-throttling on the worker {deploy.name}")


@rule(
    "worker-cpu-unstated",
    Severity.WARNING,
    why="a new service has its CPU between requests taken away, and a worker gets no requests",
    instead=POOL,
    proof=BILLING,
)
def worker_cpu_unstated(command: Command, _project: Project) -> Iterator[Hit]:
    """A worker is deployed without --no-cpu-throttling"""
    deploy = _worker(command)
    stated = any("cpu-throttling" in word.text for word in command.arguments)
    if deploy and deploy.creates and deploy.says_all and not stated:
        yield Hit(deploy.line, f"the worker {deploy.name} without --no-cpu-throttling")


@rule(
    "worker-scales-to-zero",
    Severity.WARNING,
    why="instances follow requests, and a worker gets none: a new service goes down to no instance",
    instead=POOL,
    proof="https://cloud.google.com/run/docs/configuring/min-instances",
)
def worker_scales_to_zero(command: Command, _project: Project) -> Iterator[Hit]:
    """A worker without a minimum of instances"""
    deploy = _worker(command)
    if deploy is None:
        return
    stated = command.flag(*MINIMUM)
    if stated is not None and stated.text in ("0", "default"):
        yield Hit(stated.line, f"the worker {deploy.name} may have no instance at all")
    elif stated is None and deploy.creates and deploy.says_all:
        yield Hit(deploy.line, f"the worker {deploy.name} without --min-instances")


@rule(
    "worker-request-timeout",
    Severity.WARNING,
    why="it bounds HTTP requests; a worker's tasks are not requests, so it does nothing for them",
    instead="leave it out; bound tasks by task_time_limit",
    proof="https://cloud.google.com/run/docs/configuring/request-timeout",
)
def worker_request_timeout(command: Command, _project: Project) -> Iterator[Hit]:
    """A long --timeout on a worker"""
    deploy = _worker(command)
    stated = command.flag("--timeout")
    if deploy and stated and _seconds(stated.text) > LONGEST_DEFAULT_S:
        yield Hit(stated.line, f"--timeout={stated.text} on the worker {deploy.name}")


def _seconds(text: str) -> int:
    """Cloud Run's durations: 3600, 60m, 1h, 1m30s."""
    if not re.fullmatch(r"\d{1,6}|(\d{1,6}h)?(\d{1,6}m)?(\d{1,6}s)?", text):
        return 0
    units = {"h": 3600, "m": 60, "s": 1, "": 1}
    return sum(int(n) * units[unit] for n, unit in re.findall(r"(\d+)([hms]?)", text))


@rule(
    "gcloud-logs-tail",
    Severity.ERROR,
    why="gcloud has no such command",
    instead="gcloud beta run services logs tail SERVICE",
    proof='gcloud meta lint-gcloud-commands --command-string="gcloud logs tail"',
)
def gcloud_logs_tail(command: Command, _project: Project) -> Iterator[Hit]:
    """The command gcloud logs tail"""
    asked = [command.program, *(word.text for word in positionals(command)[:2])]
    if asked == ["gcloud", "logs", "tail"]:
        yield Hit(command.line, "gcloud logs tail: there is no such command")
