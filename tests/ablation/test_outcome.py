"""What a knob does, by rule: literal runs in, the outcome out."""

from __future__ import annotations

import msgspec
import pytest
from tests.ablation.runs import finding, run

from stallproof.ablation.outcome import Kind, Outcome, compare
from stallproof.model import Verdict
from stallproof.records import Finding, RunRecord

HOLDS = run()
LOSES = run(finding("lost", Verdict.INVALID, lost=3.0))
STALLS = run(finding("stalled", Verdict.INVALID), finding("lost", Verdict.INVALID, lost=3.0))
UNKNOWN = run(verdict=Verdict.UNKNOWN)


@pytest.mark.parametrize(
    ("on", "off", "outcome"),
    [
        ([HOLDS] * 3, [LOSES] * 3, Outcome(Kind.DECIDES, "lost")),
        ([LOSES] * 3, [HOLDS] * 3, Outcome(Kind.HARMS, "lost")),
        ([LOSES] * 3, [STALLS] * 3, Outcome(Kind.HELPS, "stalled")),
        ([STALLS] * 3, [LOSES] * 3, Outcome(Kind.HARMS, "stalled")),
        ([HOLDS] * 3, [HOLDS] * 3, Outcome(Kind.NOTHING)),
        ([LOSES] * 3, [LOSES] * 3, Outcome(Kind.NOTHING)),
        (
            [HOLDS] * 3,
            [HOLDS, HOLDS, LOSES],
            Outcome(Kind.UNSETTLED, "not valid 0 of 3 with it, 1 of 3 without"),
        ),
        ([HOLDS] * 20, [LOSES] * 15 + [HOLDS] * 5, Outcome(Kind.DECIDES)),
        ([LOSES] * 15 + [HOLDS] * 5, [HOLDS] * 20, Outcome(Kind.HARMS)),
    ],
)
def test_verdicts_and_checkers(on: list[RunRecord], off: list[RunRecord], outcome: Outcome) -> None:
    assert compare(on, off) == outcome


def test_one_checker_each_way() -> None:
    refuses = run(finding("accept", Verdict.INVALID))

    assert compare([refuses] * 2, [LOSES] * 2) == Outcome(Kind.MIXED, "lost, but accept")


def test_runs_without_a_verdict_count_on_neither_side() -> None:
    assert compare([HOLDS, HOLDS, UNKNOWN], [LOSES] * 2).kind is Kind.DECIDES
    told = compare([HOLDS, UNKNOWN, UNKNOWN], [LOSES] * 3)
    assert told == Outcome(Kind.NOT_JUDGED, "1 and 3 runs have a verdict")


def recovered(*after_s: float | None) -> list[RunRecord]:
    return [run(started(each)) for each in after_s]


def started(after_s: float | None) -> Finding:
    verdict = Verdict.VALID if after_s is not None else Verdict.INVALID
    return finding("recovery", verdict, first_start_s=after_s)


@pytest.mark.parametrize(
    ("on", "off", "kind"),
    [
        (recovered(1.0, 2.0, 3.0), recovered(4.0, 5.0, 9.0), Kind.IMPROVES),
        (recovered(4.0, 5.0, 9.0), recovered(1.0, 2.0, 3.0), Kind.HARMS),
        (recovered(1.0, 2.0, 3.0), recovered(3.9, 5.0, 9.0), Kind.NOTHING),
        (recovered(1.0, 2.0, 7.0), recovered(4.0, 5.0, 9.0), Kind.NOTHING),
        (recovered(None, None), recovered(None, None), Kind.NOTHING),
    ],
)
def test_figures_count_where_their_ranges_lie_apart(
    on: list[RunRecord], off: list[RunRecord], kind: Kind
) -> None:
    assert compare(on, off).kind is kind


def test_at_60_times_speed_a_boot_is_minutes() -> None:
    on = [msgspec.structs.replace(each, speed=60.0) for each in recovered(10.0, 10.0)]
    for later_s, kind in ((609.0, Kind.NOTHING), (611.0, Kind.IMPROVES)):
        off = [msgspec.structs.replace(each, speed=60.0) for each in recovered(later_s, later_s)]
        assert compare(on, off).kind is kind


def test_a_figure_is_told_with_its_ranges() -> None:
    told = compare(recovered(1.0, 2.0), recovered(4.0, 9.0))
    assert told.by == "first start 1.0 s to 2.0 s, without 4.0 s to 9.0 s"


def test_a_start_that_never_came_is_later_than_any() -> None:
    lost = finding("lost", Verdict.INVALID, lost=1.0)
    on = [run(lost, finding("recovery", Verdict.INVALID, first_start_s=60.0))] * 2
    off = [run(lost, finding("recovery", Verdict.INVALID, first_start_s=None))] * 2

    assert compare(on, off).by == "first start 60.0 s, without never"
