"""Two sides of a comparison in, what the knob does out: by rule, not by taste.

    compare(runs with it, runs without it) -> Outcome

Runs without a verdict count on neither side. The rules, the first that fits:

not judged: a side has fewer than two runs that were judged.
decides, harms: the verdict changes with the knob: every run of one side is valid and none of
    the other, or the 95 % intervals of the two shares do not meet.
helps, harms: a checker is violated in every run of one side and in none of the other.
helps and harms: one checker that way, another the other way.
unsettled: the runs that are valid are another share on one side than on the other, and n is too
    small to say more.
improves, harms: the verdicts are alike, and the ranges of a figure lie apart by a story or by a
    second; in compressed time by ten seconds of real time, for what a machine needs for its work is
    no faster there.
no difference seen.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from math import inf

import msgspec

from stallproof.model import Verdict
from stallproof.records import RunRecord
from stallproof.report.words import joined, seconds
from stallproof.results import wilson

LEAST_JUDGED = 2
MATERIAL = 1.0
"""Of a second or a story: what less than this changes, nobody would set a knob for."""
BOOT_REAL_S = 10.0
"""A boot takes one to seven seconds, as the machine has other runs to do; at 60 times speed that is
one to seven minutes of a figure, and nothing that the knob did."""


class Kind(StrEnum):
    """What a knob does, the plainest first."""

    DECIDES = "decides"
    HELPS = "helps"
    MIXED = "helps and harms"
    HARMS = "harms"
    IMPROVES = "improves"
    UNSETTLED = "unsettled"
    NOTHING = "no difference seen"
    NOT_JUDGED = "not judged"


class Outcome(msgspec.Struct, frozen=True):
    """What a knob does in one comparison, and by what that was told."""

    kind: Kind
    by: str = ""
    """The checkers or the figure, in words."""


class Figure(msgspec.Struct, frozen=True):
    """A number of a checker: less of it is better."""

    name: str
    checker: str
    key: str
    is_time: bool


FIGURES = (
    Figure("first start", "recovery", "first_start_s", is_time=True),
    Figure("done after", "recovery", "drain_s", is_time=True),
    Figure("again after", "recovery", "again_s", is_time=True),
    Figure("slowest POST", "accept", "slowest_s", is_time=True),
    Figure("lost", "lost", "lost", is_time=False),
    Figure("not done", "unfinished", "unfinished", is_time=False),
    Figure("twice", "duplicated", "duplicated", is_time=False),
)


def judged(runs: Sequence[RunRecord]) -> list[RunRecord]:
    """Those with a verdict."""
    return [run for run in runs if run.verdict is not Verdict.UNKNOWN]


def compare(on: Sequence[RunRecord], off: Sequence[RunRecord]) -> Outcome:
    """What the knob does: see the head of this file."""
    on, off = judged(on), judged(off)
    if min(len(on), len(off)) < LEAST_JUDGED:
        return Outcome(Kind.NOT_JUDGED, f"{len(on)} and {len(off)} runs have a verdict")
    return _by_verdict(on, off) or _by_checkers(on, off) or _by_figures(on, off)


def _by_verdict(on: Sequence[RunRecord], off: Sequence[RunRecord]) -> Outcome | None:
    """None: whole runs are not surely more often valid on either side."""
    with_it, without = wilson(_violated(on), len(on)), wilson(_violated(off), len(off))
    if (not _violated(on) and _violated(off) == len(off)) or without.low > with_it.high:
        return Outcome(Kind.DECIDES, joined(_mended(on, off)))
    if (not _violated(off) and _violated(on) == len(on)) or with_it.low > without.high:
        return Outcome(Kind.HARMS, joined(_mended(off, on)))
    return None


def _by_checkers(on: Sequence[RunRecord], off: Sequence[RunRecord]) -> Outcome | None:
    """None: no checker sets the two sides apart, and runs are valid as often on both."""
    helped, harmed = _mended(on, off), _mended(off, on)
    if helped and harmed:
        return Outcome(Kind.MIXED, f"{joined(helped)}, but {joined(harmed)}")
    if helped or harmed:
        return Outcome(Kind.HELPS if helped else Kind.HARMS, joined(helped or harmed))
    if _violated(on) * len(off) != _violated(off) * len(on):
        return Outcome(Kind.UNSETTLED, f"not valid {_share(on)} with it, {_share(off)} without")
    return None


def _violated(runs: Sequence[RunRecord]) -> int:
    return sum(run.verdict is Verdict.INVALID for run in runs)


def _share(runs: Sequence[RunRecord]) -> str:
    return f"{_violated(runs)} of {len(runs)}"


def violations(runs: Sequence[RunRecord]) -> dict[str, int]:
    """By checker, in how many of the runs it was violated; the checkers' own order."""
    found: dict[str, int] = {}
    for run in runs:
        for finding in run.findings:
            hit = finding.verdict is Verdict.INVALID
            found[finding.checker] = found.get(finding.checker, 0) + hit
    return {checker: count for checker, count in found.items() if count}


def _mended(better: Sequence[RunRecord], worse: Sequence[RunRecord]) -> list[str]:
    """The checkers violated in every run of the worse side and in none of the better."""
    spared = violations(better)
    return [
        checker
        for checker, count in violations(worse).items()
        if count == len(worse) and checker not in spared
    ]


def values(runs: Sequence[RunRecord], figure: Figure) -> list[float]:
    """The figure in each run that has it; infinite where it never came about."""
    found = []
    for run in runs:
        for finding in run.findings:
            if finding.checker != figure.checker or figure.key not in finding.numbers:
                continue
            value = finding.numbers[figure.key]
            if value is not None:
                found.append(value)
            elif figure.is_time and finding.verdict is Verdict.INVALID:
                found.append(inf)
    return found


def shown(found: Sequence[float], figure: Figure) -> str:
    """A figure's range over the runs, in words; nothing where no run has it."""
    if not found:
        return ""
    low, high = (_shown(value, figure) for value in (min(found), max(found)))
    return low if low == high else f"{low} to {high}"


def _shown(value: float, figure: Figure) -> str:
    if value == inf:
        return "never"
    return seconds(value) if figure.is_time else f"{value:.0f}"


def _by_figures(on: Sequence[RunRecord], off: Sequence[RunRecord]) -> Outcome:
    less, more = [], []
    speed = max(run.speed for run in (*on, *off))
    for figure in FIGURES:
        apart = BOOT_REAL_S * speed if figure.is_time and speed > 1 else MATERIAL
        with_it, without = values(on, figure), values(off, figure)
        if len(with_it) < len(on) or len(without) < len(off):
            continue
        said = f"{figure.name} {shown(with_it, figure)}, without {shown(without, figure)}"
        if min(without) - max(with_it) >= apart:
            less.append(said)
        elif min(with_it) - max(without) >= apart:
            more.append(said)
    if less and more:
        return Outcome(Kind.MIXED, f"{'; '.join(less)}; but {'; '.join(more)}")
    if less:
        return Outcome(Kind.IMPROVES, "; ".join(less))
    return Outcome(Kind.HARMS, "; ".join(more)) if more else Outcome(Kind.NOTHING)
