"""The search for a ceiling, and what a load's history says of its cost."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stallproof.events import Cpu, Op, Phase, Task
from stallproof.history import History
from stallproof.load.bounds import cost_of, cost_text
from stallproof.load.ceiling import CLOSE, Trial, answer, find_ceiling, markdown
from stallproof.model import Verdict


def trial(rate: float, *, limit: float) -> Trial:
    holds = rate <= limit
    return Trial(
        rate_per_s=rate,
        verdict=Verdict.VALID if holds else Verdict.INVALID,
        broken=() if holds else ("load-drain-s",),
        numbers={},
        cost=None,
    )


@given(st.floats(40, 400), st.floats(50, 200))
def test_the_ceiling_is_found_and_closed_in_on(limit: float, first: float) -> None:
    found = find_ceiling(lambda rate: trial(rate, limit=limit), first_per_s=first)
    assert found.held is not None
    assert found.failed is not None
    assert found.held.rate_per_s <= limit < found.failed.rate_per_s
    assert found.failed.rate_per_s / found.held.rate_per_s <= CLOSE


def test_a_system_that_holds_nothing_has_none() -> None:
    found = find_ceiling(lambda rate: trial(rate, limit=0), first_per_s=100)
    assert found.held is None
    assert answer(found) == "No rate that was tried held."


def test_a_rate_that_held_above_one_that_did_not_is_no_ceiling() -> None:
    flaky = iter([True, False, True, True, True, True, True, True, True, True, True, True])
    found = find_ceiling(lambda rate: trial(rate, limit=1e9 if next(flaky) else 0), first_per_s=100)
    assert found.held is not None
    assert found.failed is not None
    assert found.held.rate_per_s < found.failed.rate_per_s


def history(*, share: float, others: float, ends: float = 1.2) -> History:
    return History(
        [
            Phase(t=1.0, name="load"),
            *[
                Op(t=1.0 + i, f="submit", type="ok", story=i, story_id=str(i), latency_s=0.0)
                for i in range(4)
            ],
            Task(t=1.0, event="start", story_id="0", attempt=1, pid=5),
            Task(t=ends, event="end", story_id="0", attempt=1, outcome="ok", pid=5),
            *[
                Cpu(t=t, shares={"api": share, "worker pool 1": 0.2}, others=others)
                for t in (1.5, 2.5, 3.5)
            ],
            Phase(t=5.0, name="settle"),
            Cpu(t=6.0, shares={"api": 9.0}, others=9.0),
        ]
    )


def test_the_cost_is_the_mean_over_the_load_alone() -> None:
    cost = cost_of(history(share=0.4, others=0.5), machine=2)
    assert cost is not None
    assert cost.stories == 4
    assert cost.ms_each == pytest.approx({"api": 400.0, "worker pool": 200.0})
    assert (cost.busiest, cost.cores, cost.slots) == ("api", pytest.approx(0.6), 1)
    assert cost.at_work == pytest.approx(0.05)
    assert "api 400.0" in cost_text(cost)


@pytest.mark.parametrize(
    ("share", "others", "ends", "says"),
    [
        (0.95, 0.0, 1.2, "api: 95% of a core"),
        (0.5, 1.2, 1.2, "the machine: 0.7 cores for this run and 1.2 for others, of 2"),
        (0.5, 0.0, 4.9, "the worker's pool: 1.0 of 1 processes at work"),
        (0.5, 0.0, 1.2, "nothing that is measured here"),
    ],
)
def test_what_bounds_it_is_named(share: float, others: float, ends: float, says: str) -> None:
    cost = cost_of(history(share=share, others=others, ends=ends), machine=2)
    assert cost is not None
    assert cost.bound == says


def test_a_history_without_load_has_no_cost() -> None:
    assert cost_of(History([]), machine=2) is None


def test_the_table_has_a_row_a_rate_lowest_first() -> None:
    found = find_ceiling(lambda rate: trial(rate, limit=120), first_per_s=100)
    rows = [line for line in markdown(found).splitlines() if line.startswith("| ")][1:]
    rates = [float(row.split("|")[1]) for row in rows]
    assert rates == sorted(rates)
    assert len(rates) == len(found.trials)
