"""What a run is told, and what it tells while it goes."""

from __future__ import annotations

import msgspec

from stallproof.load.command import LocustLoad
from stallproof.model import Scenario, worst
from stallproof.records import Finding, RunRecord, Setting
from stallproof.sites.base import SystemSpec


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """Everything one run needs to know."""

    scenario: Scenario
    spec: SystemSpec
    site: str
    namespaces: bool
    stack: str
    stack_versions: dict[str, str]
    settings: tuple[Setting, ...]
    worker_args: tuple[str, ...]
    asked: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    locust: LocustLoad | None = None
    """Locust plays the clients; None: the harness itself does."""
    speed: float = 1.0
    """Seconds of system time in a real one."""
    boot_deadline_s: float = 40.0
    """Real seconds with a processor to spare, for it is the machine that boots. A system that has
    not executed one story by then, and as long as the story itself takes, never came up."""
    exits_allowed: int = 2
    """Nor has one that exits more often than this before its first story."""
    only_start: bool = False
    """Nothing is asked but whether the worker starts: the run ends when it says it is ready."""


class Progress(msgspec.Struct, frozen=True, kw_only=True):
    """A line for whoever watches."""

    phase: str
    faults: tuple[str, ...] = ()
    accepted: int = 0
    done: int = 0
    waiting: int = 0


def record_of(
    request: Request, *, findings: tuple[Finding, ...], started_at: str = ""
) -> RunRecord:
    """The record of a run with its findings; what was measured besides is for the runner to add."""
    return RunRecord(
        scenario=request.scenario,
        profile=request.spec.profile,
        stack=request.stack,
        site=request.site,
        stack_versions=request.stack_versions,
        settings=request.settings,
        worker_args=request.worker_args,
        asked=request.asked,
        command=request.command,
        speed=request.speed,
        started_at=started_at,
        verdict=worst(finding.verdict for finding in findings),
        findings=findings,
    )
