"""The values that say what came of a run, of a scenario's runs, of all of them.

`run.json` is one of them; reports are made of them and of the histories beside them.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from stallproof.fate import Fate
from stallproof.model import Scenario, Verdict, worst
from stallproof.tally import Spent, Tally


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """What one checker says of one history."""

    checker: str
    verdict: Verdict
    text: str
    """One sentence with the numbers, for a person."""
    numbers: dict[str, float | None] = {}


class Setting(msgspec.Struct, frozen=True, kw_only=True):
    """One setting that was in force, as the system itself says."""

    key: str
    """Dotted: `broker_transport_options.socket_timeout`."""
    value: str
    why: str | None = None
    """The scenario that decided it, where the profile says so."""
    where: str | None = None
    """`profiles.py:57`."""


class RunRecord(msgspec.Struct, frozen=True, kw_only=True):
    """`run.json` of one run: with `history.jsonl` beside it, any report can be made again."""

    version: Literal[1] = 1
    scenario: Scenario
    profile: str
    stack: str
    site: str
    stack_versions: dict[str, str] = {}
    settings: tuple[Setting, ...] = ()
    worker_args: tuple[str, ...] = ()
    """All flags of the worker, the profile's first."""
    asked: tuple[str, ...] = ()
    """What was asked for beyond scenario, profile, stack and site: options of `stallproof run`."""
    command: tuple[str, ...] = ()
    """The whole command where it was another than `stallproof run`."""
    started_at: str
    """ISO 8601, UTC."""
    speed: float = 1.0
    """Seconds of system time in a real one. History and findings tell system time."""
    seconds: float = 0.0
    """How long the whole run took, in real seconds."""
    spent: Spent | None = None
    """What its time went to; None: it was not judged."""
    boot_s: float | None = None
    """From the first process started to the first story executed, in real seconds."""
    load_t: float = 0.0
    """History time at which load started: a step's moment is `load_t + at_s`."""
    harness_cpu_s: float | None = None
    """CPU time of the harness itself (runner and probes) during the run."""
    verdict: Verdict
    findings: tuple[Finding, ...]
    fates: tuple[Fate, ...] = ()
    """Of the accepted stories that were not done, in order of their number; `FATES_AT_MOST`."""
    advice: tuple[str, ...] = ()
    """What to change or to try next, each a sentence."""
    evidence: tuple[str, ...] = ()
    """Which call the services waited in when they stalled, each a sentence."""
    dir: str = ""
    """The run's folder, relative to the folder of the whole result."""


class Interval(msgspec.Struct, frozen=True):
    """A 95 % Wilson interval of the share of runs that were not valid."""

    low: float
    high: float
    confidence: float = 0.95


class ScenarioResult(msgspec.Struct, frozen=True, kw_only=True):
    """A scenario's n runs under one profile, stack and site."""

    scenario: str
    profile: str
    stack: str
    site: str
    n: int
    valid: int
    invalid: int
    unknown: int
    interval: Interval
    findings: tuple[Finding, ...]
    """Per checker the worst of all runs; its numbers hold in how many runs (`runs_invalid`)."""
    runs: tuple[RunRecord, ...]

    @property
    def verdict(self) -> Verdict:
        return worst(run.verdict for run in self.runs)


class Results(msgspec.Struct, frozen=True, kw_only=True):
    """What one `stallproof run` answers, and its top `run.json`."""

    version: Literal[1] = 1
    run_dir: str
    results: tuple[ScenarioResult, ...]
    tallies: tuple[Tally, ...] = ()
    """What all runs of a profile come to, one for each profile, stack and site."""
    wall_s: float | None = None
    """From the first run's start to the last one's end, in real seconds; None: not known."""

    def to_builtins(self) -> Any:
        return msgspec.to_builtins(self)
