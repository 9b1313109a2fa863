"""`accept`: the API answers, and in time."""

import pytest
from histories import Run

from stallproof.events import Op
from stallproof.model import Verdict


def test_the_numbers() -> None:
    run = Run()
    for number in range(20):
        run.story(number, at=1, post_s=(number + 1) / 8)
    found = run.judge()["accept"]
    assert found.verdict is Verdict.VALID
    assert (found.numbers["n"], found.numbers["ok"]) == (20, 20)
    assert (found.numbers["p50_s"], found.numbers["p95_s"]) == (10 / 8, 19 / 8)
    assert (found.numbers["max_s"], found.numbers["slowest_s"]) == (20 / 8, 20 / 8)


@pytest.mark.parametrize(("post_s", "verdict"), [(5, Verdict.VALID), (5.125, Verdict.INVALID)])
def test_the_slowest_has_a_limit(post_s: float, verdict: Verdict) -> None:
    run = Run().steady(1, 9).story(0, at=2, post_s=post_s)
    assert run.judge(accept_s=5)["accept"].verdict is verdict


@pytest.mark.parametrize("answer", ["fail", "info"])
def test_errors_have_a_limit(answer: str) -> None:
    run = Run().steady(1, 4).story(0, at=2, answer=answer)  # type: ignore[arg-type]  # a parameter
    assert run.judge()["accept"].numbers["error_rate"] == 0.25
    assert run.judge(accept_error_rate=0.25)["accept"].verdict is Verdict.VALID
    assert run.judge(accept_error_rate=0.24)["accept"].verdict is Verdict.INVALID


def test_an_error_that_was_tolerated_was_still_slow() -> None:
    run = Run().steady(1, 4).story(0, at=2, answer="info", post_s=30)
    found = run.judge(accept_error_rate=0.5)["accept"]
    assert found.verdict is Verdict.INVALID
    assert (found.numbers["max_s"], found.numbers["slowest_s"]) == (0.125, 30)


@pytest.mark.parametrize(("at", "verdict"), [(35, Verdict.VALID), (34.875, Verdict.INVALID)])
def test_a_post_that_never_completed_counts_with_its_age(at: float, verdict: Verdict) -> None:
    run = Run(until=40).steady(1, 9).story(0, at=at, answer=None)
    found = run.judge(accept_s=5)["accept"]
    assert found.verdict is verdict
    assert found.numbers["pending"] == 1


def test_the_warmup_does_not_count() -> None:
    run = Run().steady(1, 4)
    run.add(Op(t=30.0, f="submit", type="fail", story=-2, latency_s=30.0))
    found = run.judge()["accept"]
    assert found.verdict is Verdict.VALID
    assert found.numbers["n"] == 3


def test_no_posts_say_nothing() -> None:
    assert Run().judge()["accept"].verdict is Verdict.UNKNOWN


def test_a_post_overdue_at_the_end_is_an_error_too() -> None:
    run = Run(until=40).steady(1, 3).story(0, at=2, answer="fail").story(1, at=30, answer=None)
    assert run.judge()["accept"].numbers["error_rate"] == 0.5
