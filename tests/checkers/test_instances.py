"""Several instances of the worker: what one of them does is not held against, or for, another."""

from __future__ import annotations

import pytest
from histories import KILL, Run

from stallproof.model import Verdict

ONE, TWO = "worker-1", "worker-2"


def pair(*, until: int = 60, second_at: float = 2) -> Run:
    """Two instances; the first is there from the start, and nobody's health is known but theirs."""
    run = Run(until=until)
    run.events = [e for e in run.events if getattr(e, "service", "") != "worker"]
    run.samples["worker"] = {}
    run.instance("worker", "start", at=-60, of=ONE).instance(
        "worker", "start", at=second_at, of=TWO
    )
    for second in range(until + 1):
        run.health("worker", second, 200, of=ONE)
    for second in range(int(second_at) + 2, until + 1):
        run.health("worker", second, 200, of=TWO)
    return run


def busy_pair() -> Run:
    """Each has one hand, both are full from 3 to 33, and a message waits."""
    run = pair().queued(4, 33)
    for number, by in enumerate((ONE, TWO)):
        run.story(number, at=1, start=1.5, end=2.5, by=by)
        run.story(10 + number, at=2.5, start=3, end=33, by=by)
    return run.story(20, at=3.5, start=33, end=34, by=ONE)


def test_nobody_is_idle_while_both_have_their_hands_full() -> None:
    assert busy_pair().judge(task_s=30.0)["stalled"].verdict is Verdict.VALID


def test_a_free_hand_of_either_is_one() -> None:
    run = pair().queued(4, 33)
    for number, by in enumerate((ONE, TWO)):
        run.story(number, at=1, start=1.5, end=2.5, by=by)
    run.story(10, at=2.5, start=3, end=33, by=ONE).story(20, at=3.5, start=33, end=34, by=ONE)
    found = run.judge(task_s=30.0)["stalled"]
    assert found.verdict is Verdict.INVALID
    assert found.numbers["longest_s"] == 29  # from when the second is up


def test_two_hands_of_one_are_not_one_of_each() -> None:
    """One of them was seen to have two, so one task each fills neither."""
    run = pair().queued(4, 33)
    run.story(0, at=1, start=1.5, end=2.5, by=ONE).story(1, at=1, start=1.5, end=2.5, by=ONE)
    for number, by in enumerate((ONE, TWO)):
        run.story(10 + number, at=2.5, start=3, end=33, by=by)
    run.story(20, at=3.5, start=33, end=34, by=ONE)
    assert run.judge(task_s=30.0)["stalled"].verdict is Verdict.INVALID


def test_an_exit_ends_only_its_own_attempts() -> None:
    run = pair().queued(4, 34)
    run.story(0, at=1, start=1.5, end=2.5, by=ONE).story(1, at=1, start=1.5, end=2.5, by=TWO)
    run.story(10, at=2.5, start=3, end=None, by=ONE).story(11, at=2.5, start=3, end=33, by=TWO)
    run.execution(10, attempt=2, start=33, end=34, by=TWO)
    # The second is all there is now, and its hand is full until 33.
    run.instance("worker", "exit", at=5, of=ONE)
    assert run.judge(KILL, task_s=30.0)["stalled"].numbers["longest_s"] == 0.375
    # Once the second has gone too, nobody is busy, whatever it had begun.
    other = pair().queued(4, 34)
    other.story(0, at=1, start=1.5, end=2.5, by=ONE).story(1, at=1, start=1.5, end=2.5, by=TWO)
    other.story(10, at=2.5, start=3, end=None, by=ONE).story(11, at=2.5, start=3, end=33, by=TWO)
    other.execution(10, attempt=2, start=33, end=34, by=TWO)
    other.instance("worker", "exit", at=5, of=ONE).instance("worker", "exit", at=6, of=TWO)
    assert other.judge(KILL, task_s=30.0)["stalled"].numbers["longest_s"] == 27  # from 6 to 33


@pytest.mark.parametrize(("of", "verdict"), [(ONE, Verdict.INVALID), (TWO, Verdict.UNKNOWN)])
def test_what_a_living_instance_has_in_hand_is_not_lost_with_the_other(
    of: str, verdict: Verdict
) -> None:
    run = pair(until=40).story(0, at=38, start=38.5, by=ONE)
    run.instance("worker", "exit", at=39, of=of)
    assert run.judge()["lost"].verdict is verdict


def test_one_that_was_told_to_end_has_no_free_hand() -> None:
    """It finishes what it has; the other is full. Nothing stands still."""
    run = pair().queued(4, 34)
    for number, by in enumerate((ONE, TWO)):
        run.story(number, at=1, start=1.5, end=2.5, by=by)
    run.story(10, at=2.5, start=3, end=33, by=TWO).story(20, at=3.5, start=33, end=34, by=TWO)
    run.instance("worker", "sigterm", at=4, of=ONE).instance("worker", "exit", at=33, of=ONE)
    assert run.judge(task_s=30.0)["stalled"].verdict is Verdict.VALID


def test_one_that_is_still_starting_has_no_free_hand() -> None:
    run = pair(second_at=2).queued(4, 33).sick("worker", 2, 40, None, of=TWO)
    run.story(0, at=1, start=1.5, end=2.5, by=ONE).story(10, at=2.5, start=3, end=33, by=ONE)
    run.story(20, at=3.5, start=33, end=34, by=ONE)
    assert run.judge(task_s=30.0)["stalled"].verdict is Verdict.VALID
    up = run.health("worker", 10, 200, of=TWO).judge(task_s=30.0)["stalled"]
    assert up.numbers["longest_s"] == 23  # from 10 to 33


def test_who_only_starts_is_no_excuse_either() -> None:
    run = pair(second_at=6).queued(4, 33).sick("worker", 6, 61, None, of=TWO)
    run.story(0, at=3.5, start=33, end=34, by=TWO).instance("worker", "exit", at=5, of=ONE)
    assert run.judge(KILL)["stalled"].verdict is Verdict.INVALID


def test_a_mute_instance_hides_a_stall_behind_an_honest_one() -> None:
    run = pair(until=80).steady(1, 10).queued(10, 81).sick("worker", 15, 81, of=ONE)
    found = run.judge(unhealthy_after_s=40)["health"]
    assert found.numbers["hidden_stall_s"] == 70
    assert found.verdict is Verdict.INVALID
    assert run.sick("worker", 15, 81, of=TWO).judge()["health"].verdict is Verdict.VALID


def test_one_that_starts_beside_another_raises_no_alarm_until_it_was_up() -> None:
    run = pair(second_at=10).steady(1, 50).sick("worker", 10, 30, None, of=TWO)
    assert run.judge()["health"].numbers["false_alarm_s"] == 0
    run.health("worker", 12, 200, of=TWO)
    assert run.judge()["health"].numbers["false_alarm_s"] == 17


def test_one_that_was_told_to_end_need_not_answer() -> None:
    run = pair().steady(1, 50).sick("worker", 20, 50, None, of=TWO)
    assert run.judge()["health"].numbers["false_alarm_s"] == 29.25  # until the last delivery
    run.instance("worker", "sigterm", at=22, of=TWO).instance("worker", "exit", at=50, of=TWO)
    assert run.judge()["health"].numbers["false_alarm_s"] == 2


def test_two_alarms_at_a_time_are_not_one_long_one() -> None:
    run = pair().steady(1, 50).sick("worker", 10, 17, of=ONE).sick("worker", 17, 24, of=TWO)
    assert run.judge()["health"].numbers["false_alarm_s"] == 7
