"""What a run is told, and what it tells while it goes."""

from __future__ import annotations

import msgspec

from stallproof.model import Scenario, Setting
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
    boot_deadline_s: float = 40.0
    """A system that has not executed one story by then never came up."""
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
