"""`observed`: the harness kept up, and what follows where it did not."""

import pytest
from histories import RESTART, Run, scenario

from stallproof.checkers import judge
from stallproof.events import NotSent, Op, Phase
from stallproof.history import History
from stallproof.model import Verdict


def test_on_time_and_looking() -> None:
    found = Run().steady(1, 20).judge()["observed"]
    assert found.verdict is Verdict.VALID
    assert found.numbers["broker_gap_s"] == 1


@pytest.mark.parametrize(("late_s", "verdict"), [(1, Verdict.VALID), (1.125, Verdict.UNKNOWN)])
def test_a_fault_may_be_late_by_so_much(late_s: float, verdict: Verdict) -> None:
    run = Run().steady(1, 20).fault(0, begin=4, end=8, late_s=late_s)
    assert run.judge(RESTART)["observed"].verdict is verdict


@pytest.mark.parametrize("what", ["broker", "api", "worker"])
@pytest.mark.parametrize(("last_before", "next_after"), [(-1, 5), (10, 15), (35, 41)])
def test_samples_may_lie_so_far_apart(what: str, last_before: float, next_after: float) -> None:
    """From the start of the load, in the middle, and up to the end: 5 s, and one more."""
    fine = Run().steady(1, 20).unsampled(what, last_before, next_after)
    assert fine.judge()["observed"].verdict is Verdict.VALID
    at_end = next_after > 40
    gap = Run().steady(1, 20).unsampled(what, last_before - at_end, next_after + (not at_end))
    found = gap.judge()["observed"]
    assert found.verdict is Verdict.UNKNOWN
    assert found.text == f"no sample of the {what} for 6.00 s (at most 5 s)."


@pytest.mark.parametrize(("late_s", "verdict"), [(1, Verdict.VALID), (1.125, Verdict.UNKNOWN)])
def test_a_story_may_be_sent_so_late(late_s: float, verdict: Verdict) -> None:
    sent = Op(t=5, f="submit", type="invoke", story=0, late_s=late_s)
    events = [*Run().steady(1, 20).history().events, sent]
    found = {finding.checker: finding for finding in judge(History(events), scenario())}
    assert found["observed"].verdict is verdict


def test_a_story_that_was_never_sent_is_no_fault_of_the_system() -> None:
    events = [*Run().steady(1, 20).history().events, NotSent(t=5, story=99)]
    found = {finding.checker: finding for finding in judge(History(events), scenario())}
    assert found["observed"].verdict is Verdict.UNKNOWN
    assert "1 story not sent" in found["observed"].text
    assert found["accept"].numbers["n"] == Run().steady(1, 20).judge()["accept"].numbers["n"]


def test_a_history_cut_short() -> None:
    assert Run(ended=False).judge()["observed"].verdict is Verdict.UNKNOWN


def test_a_load_that_never_began() -> None:
    events = [e for e in Run().history().events if not (isinstance(e, Phase) and e.name == "load")]
    found = {finding.checker: finding for finding in judge(History(events), scenario())}
    assert found["observed"].verdict is Verdict.UNKNOWN
    assert found["health"].verdict is Verdict.UNKNOWN


def test_an_overloaded_machine_gives_no_verdict_on_time_but_still_counts() -> None:
    run = Run(until=60).steady(1, 20).story(0, at=5)
    run.story(1, at=10, start=12, end=13).execution(1, attempt=2, start=14, end=15)
    run.story(2, at=5, post_s=9, start=16, end=17)
    run.sick("worker", 3, 15)  # while work flows: a false alarm
    # After the fault nothing starts for so long that it is a stall, and a late recovery.
    run.fault(0, begin=20, end=22).story(3, at=23, start=45, end=46).queued(23, 45)
    sound = run.judge(RESTART)
    blinded = run.unsampled("api", 50, 56).judge(RESTART)
    assert blinded["observed"].verdict is Verdict.UNKNOWN
    for checker in ("stalled", "recovery", "accept", "health"):
        assert sound[checker].verdict is Verdict.INVALID, checker
        assert blinded[checker].verdict is Verdict.UNKNOWN, checker
        assert "did not keep up" in blinded[checker].text
    for checker in ("lost", "unfinished", "duplicated"):
        assert blinded[checker].verdict is Verdict.INVALID, checker
