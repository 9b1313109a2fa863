"""What the time budget does to runs; none is started here."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from tests.core.jobs import job_of

from stallproof import catalog
from stallproof.budget import Budget
from stallproof.engine import cut_short, run_all
from stallproof.exits import Exit, exit_for
from stallproof.gate.command import BUDGET_S, by_runs
from stallproof.gate.thresholds import Bounds, Thresholds, load_thresholds
from stallproof.model import Verdict
from stallproof.records import Finding
from stallproof.results import summarize

GATE = catalog.select(catalog.load(), ["tag:gate"])
BOOT_S, PROCESSORS = 15.0, 2


@pytest.fixture
def spent() -> Budget:
    return Budget(0.0)


def test_what_has_not_begun_when_it_is_spent_never_begins(tmp_path: Path, spent: Budget) -> None:
    jobs = [job_of(scenario, tmp_path) for scenario in GATE[:3]]
    results = run_all(
        jobs,
        root=tmp_path,
        at_once=2,
        on_progress=lambda _job, _progress: None,
        on_done=lambda _job, _record: None,
        budget=spent,
    )
    runs = [run for result in results.results for run in result.runs]
    assert [run.scenario.name for run in runs] == [scenario.name for scenario in GATE[:3]]
    for run in runs:
        assert cut_short(run)
        assert run.findings[0].text == "the time budget of 0 s was used up."
        assert not (tmp_path / run.dir / "history.jsonl").exists()
    assert exit_for(results) is Exit.INCONCLUSIVE


def test_a_violation_that_was_seen_counts_for_more_than_the_budget(
    tmp_path: Path, spent: Budget
) -> None:
    results = run_all(
        [job_of(scenario, tmp_path) for scenario in GATE[:2]],
        root=tmp_path,
        at_once=1,
        on_progress=lambda _job, _progress: None,
        on_done=lambda _job, _record: None,
        budget=spent,
    )
    first, second = (result.runs[0] for result in results.results)
    bad = Finding(checker="lost", verdict=Verdict.INVALID, text="gone.")
    first = msgspec.structs.replace(first, findings=(bad,), verdict=Verdict.INVALID)
    assert exit_for(summarize([first, second], run_dir="x")) is Exit.VIOLATED


def test_a_budget_counts_from_when_it_is_made() -> None:
    budget = Budget(3600.0)
    assert 3590 < budget.left_s <= 3600
    assert not budget.spent


def test_the_gate_s_scenarios_fit_the_default_budget_when_each_is_watched_to_its_end() -> None:
    longest_s = [s.workload.for_s + s.limits.settle_s + BOOT_S for s in GATE]
    assert sum(longest_s) / PROCESSORS + max(longest_s) <= BUDGET_S


def test_a_scenario_is_run_as_often_as_its_threshold_wants() -> None:
    thresholds = Thresholds(
        every=Bounds(min_runs_valid=2), scenario={GATE[0].name: Bounds(min_runs_valid=5)}
    )
    assert by_runs(GATE, thresholds, repeat=3) == {5: (GATE[0],), 3: tuple(GATE[1:])}
    defaults = load_thresholds(None, known=catalog.load())
    assert by_runs(GATE, defaults, repeat=1) == {1: tuple(GATE)}
