"""From knobs to runs: every comparison has two sides, and many share a side.

    cells_of(KNOBS) -> cells;  jobs_of(cells, ...) -> runs;  runs_of(cell, results) -> two sides

A side is a profile with something switched, under one scenario. The profile as it is belongs to
the comparisons of all knobs, and is run once for all of them.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec

from stallproof.ablation.application import APPLICATION
from stallproof.ablation.knob import DEFAULTS, Claim, Knob
from stallproof.ablation.transport import TRANSPORT
from stallproof.job import Job
from stallproof.model import Scenario
from stallproof.plan import make_jobs
from stallproof.records import Results, RunRecord, ScenarioResult
from stallproof.sites.choice import LOCAL
from stallproof.stacks import LOCKED
from stallproof.wish import PlanError, Wish

KNOBS: tuple[Knob, ...] = (*TRANSPORT, *APPLICATION)
PLANNED_AT_ONCE = 4
"""To plan is to wait for the system's answers, each a start of Python."""


class Variant(msgspec.Struct, frozen=True, kw_only=True):
    """A profile with something switched."""

    profile: str
    label: str
    """Unique within a profile; empty for the profile as it is."""
    settings: tuple[tuple[str, str], ...] = ()
    """By dotted key, as JSON."""
    unset: tuple[str, ...] = ()
    flags: tuple[str, ...] = ()
    stack: str = LOCKED

    def scenario_name(self, scenario: str) -> str:
        """What this side of a comparison is called in results and folders."""
        stack = "" if self.stack == LOCKED else f"on-{_slug(self.stack)}"
        return "--".join(part for part in (scenario, self.label, stack) if part)

    def command(self, scenario: str, *, repeat: int) -> tuple[str, ...]:
        """What to type for these runs alone."""
        words = ["stallproof", "run", scenario, "--profile", self.profile]
        words += [] if self.stack == LOCKED else ["--stack", self.stack]
        words += [word for key, text in self.settings for word in ("--set", f"{key}={text}")]
        words += [f"--unset={key}" for key in self.unset]
        words += [f"--worker-args={shlex.join(self.flags)}"] if self.flags else []
        return (*words, "--repeat", str(repeat))


class Cell(msgspec.Struct, frozen=True, kw_only=True):
    """One comparison: a knob in a profile under a scenario, with it and without."""

    knob: Knob
    profile: str
    claim: Claim
    on: Variant
    off: Variant


def knobs_called(names: Sequence[str]) -> tuple[Knob, ...]:
    """Those whose name contains one of these, or all when there are none.

    Raises:
        PlanError: a name that is in none.
    """
    chosen: dict[str, Knob] = {}
    for name in names:
        found = {knob.name: knob for knob in KNOBS if name in knob.name}
        if not found:
            raise PlanError(f"--only {name}: no knob; there are: {_listed(KNOBS)}")
        chosen |= found
    return tuple(chosen.values()) if names else KNOBS


def _listed(knobs: Iterable[Knob]) -> str:
    return "; ".join(knob.name for knob in knobs)


def cells_of(knobs: Iterable[Knob]) -> tuple[Cell, ...]:
    """Every comparison, knob by knob, in the order of claims and of profiles."""
    return tuple(
        Cell(
            knob=knob,
            profile=profile,
            claim=claim,
            on=_variant(knob, profile, claim, on=True),
            off=_variant(knob, profile, claim, on=False),
        )
        for knob in knobs
        for claim in knob.claims
        for profile in knob.tried_in
    )


def _variant(knob: Knob, profile: str, claim: Claim, *, on: bool) -> Variant:
    """The profile with the knob on, or off; as it is, where that is what it has."""
    given = knob.given if profile == DEFAULTS else {}
    settings = dict(given)
    unset: tuple[str, ...] = ()
    flags: tuple[str, ...] = ()
    words: list[str] = []
    if on is not knob.is_on_in(profile):
        words.append(f"{'with' if on else 'without'}-{_slug(knob.name)}")
        if on:
            settings |= knob.settings
            flags = knob.flags
        elif knob.by_default:
            settings |= knob.off
            flags = knob.off_flags
        else:
            unset = (*knob.settings, *(flag.partition("=")[0] for flag in knob.flags))
    elif given:
        words.append(f"given-{_slug('-'.join(given))}")
    return Variant(
        profile=profile,
        label="-".join(words),
        settings=tuple((key, json.dumps(value)) for key, value in settings.items()),
        unset=unset,
        flags=flags,
        stack=claim.stack,
    )


def _slug(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9_.]+", "-", text).strip("-")


def jobs_of(
    cells: Iterable[Cell],
    *,
    catalog: Mapping[str, Scenario],
    repeat: int,
    site: str = LOCAL,
    root: Path,
) -> list[Job]:
    """The runs of every side, each side once.

    Raises:
        PlanError: a claim names a scenario that there is not; and what `make_jobs` raises.
    """
    sides: dict[Variant, dict[str, Scenario]] = {}
    for cell in cells:
        scenario = catalog.get(cell.claim.scenario)
        if scenario is None:
            raise PlanError(f"knob {cell.knob.name}: no scenario {cell.claim.scenario!r}")
        for variant in (cell.on, cell.off):
            sides.setdefault(variant, {})[scenario.name] = scenario

    def plan(side: tuple[Variant, dict[str, Scenario]]) -> list[Job]:
        variant, scenarios = side
        wish = Wish(
            scenarios=tuple(_renamed(each, variant) for each in scenarios.values()),
            profiles=(variant.profile,),
            stacks=(variant.stack,),
            repeat=repeat,
            settings={key: json.loads(text) for key, text in variant.settings},
            unset=variant.unset,
            worker_args=variant.flags,
            site=site,
        )
        return [
            _with_command(job, variant.command(name, repeat=repeat))
            for job, name in zip(
                make_jobs(wish, root=root),
                (name for name in scenarios for _ in range(repeat)),
                strict=True,
            )
        ]

    first, *others = sides.items()
    jobs = plan(first)  # what is asked of the machine once is known from here on
    with ThreadPoolExecutor(PLANNED_AT_ONCE) as pool:
        return [*jobs, *(job for planned in pool.map(plan, others) for job in planned)]


def _renamed(scenario: Scenario, variant: Variant) -> Scenario:
    """Results are grouped by the scenario's name: each side needs one of its own."""
    return msgspec.structs.replace(scenario, name=variant.scenario_name(scenario.name))


def _with_command(job: Job, command: tuple[str, ...]) -> Job:
    return msgspec.structs.replace(
        job, request=msgspec.structs.replace(job.request, command=command)
    )


def runs_of(cell: Cell, results: Results) -> tuple[tuple[RunRecord, ...], tuple[RunRecord, ...]]:
    """The runs with the knob and those without it; empty where there are none."""
    by_side = {
        (result.scenario, result.profile, result.stack): result.runs for result in results.results
    }

    def of(variant: Variant) -> tuple[RunRecord, ...]:
        name = variant.scenario_name(cell.claim.scenario)
        return by_side.get((name, variant.profile, variant.stack), ())

    return of(cell.on), of(cell.off)


def latest(stored: Sequence[Results]) -> Results:
    """One result of several: a scenario's comparisons are whole those of the last that has it."""
    *former, last = stored
    kept = list(last.results)
    for results in reversed(former):
        known = {_scenario_of(each) for each in kept}
        kept += [each for each in results.results if _scenario_of(each) not in known]
    return msgspec.structs.replace(last, results=tuple(kept))


def _scenario_of(side: ScenarioResult) -> str:
    return side.scenario.partition("--")[0]
