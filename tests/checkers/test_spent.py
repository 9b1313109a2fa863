"""What the time of a run went to."""

from __future__ import annotations

import pytest
from histories import KILL, LOAD_T, RESTART, STANDING, Run, scenario

from stallproof.checkers.facts import Facts
from stallproof.checkers.spent import spent_of
from stallproof.events import Phase
from stallproof.model import Step
from stallproof.tally import Spent


def spent(run: Run, *steps: Step) -> Spent:
    """Warm-up from 60 s on, load until 30 s into it, watched until 40, down 6 s later."""
    run.add(Phase(t=60.0, name="warmup"), Phase(t=LOAD_T + 30, name="settle"))
    found = spent_of(Facts(run.history(), scenario(*steps)), whole_s=LOAD_T + 46)
    assert found.whole_s == pytest.approx(LOAD_T + 46)
    return found


def test_a_run_without_faults() -> None:
    assert spent(Run().steady(1, 30)) == Spent(
        boot_s=60.0, warmup_s=4.0, load_s=30.0, settle_s=10.0, teardown_s=6.0
    )


def test_a_recovery_lasts_until_what_was_in_hand_is_done() -> None:
    run = Run().steady(10, 30).story(0, at=2, start=9, end=9.5).fault(0, begin=4, end=8)
    found = spent(run, RESTART)
    assert (found.fault_s, found.recovery_s) == (4.0, 1.5 + 0.25)  # and a story begun at 10 s
    assert found.load_s == 30 - 5.75


def test_a_recovery_that_never_ends_lasts_to_the_end() -> None:
    found = spent(Run().story(0, at=2).fault(0, begin=4, end=8), RESTART)
    assert (found.load_s, found.recovery_s, found.settle_s) == (4.0, 32.0, 0.0)


def test_a_start_of_what_was_in_hand_ends_no_recovery() -> None:
    run = Run().story(0, at=3, start=5.5, end=6).message("received", 0, at=3.5)
    run.story(1, at=5, start=20, end=21).message("received", 1, at=19.5)
    assert spent(run.fault(0, begin=4), KILL).recovery_s == 16  # 4 to 6, and 5 to 20


def test_a_fault_that_is_never_undone_is_in_force_to_the_end() -> None:
    found = spent(Run().steady(1, 30).fault(0, begin=4), RESTART)
    assert (found.fault_s, found.recovery_s) == (36.0, 0.0)


def test_a_standing_condition_is_in_force_and_nothing_to_recover_from() -> None:
    found = spent(Run().steady(1, 30).fault(0, begin=4, end=30), STANDING)
    assert (found.fault_s, found.recovery_s) == (26.0, 0.0)


def test_a_fault_counts_from_when_it_was_due() -> None:
    found = spent(Run().steady(1, 30).fault(0, begin=5, end=8, late_s=1.0), RESTART)
    assert found.fault_s == 4.0
