"""`stalled`: work waits and nothing moves."""

import pytest
from histories import DOWN, KILL, STANDING, Run

from stallproof.model import Verdict


def mute(from_s: int = 20, *, until: int = 60) -> Run:
    """A story each second; from `from_s` on nothing is started and the queue grows."""
    run = Run(until=until).steady(1, from_s)
    for second in range(from_s, until):
        run.story(5000 + second, at=second).queue(second, second - from_s + 1)
    return run.queue(until, until - from_s)


def test_work_that_flows() -> None:
    found = Run().steady(1, 30).judge()["stalled"]
    assert found.verdict is Verdict.VALID
    assert found.numbers["longest_s"] == 0.125  # from the 202 to the start


def test_a_worker_gone_mute() -> None:
    found = mute().judge()["stalled"]
    assert found.verdict is Verdict.INVALID
    assert found.numbers == {
        "longest_s": 40.0,
        "began_s": 20.0,
        "to_the_end": 1.0,
        "stalls": 1.0,
        "stalled_s": 40.0,
    }


@pytest.mark.parametrize(("start", "verdict"), [(30.0, Verdict.VALID), (30.125, Verdict.INVALID)])
def test_the_limit_itself_is_still_within(start: float, verdict: Verdict) -> None:
    run = Run().queued(20, 31).story(0, at=19.75, start=start, end=start + 0.125)
    found = run.judge(stall_s=10.0)["stalled"]
    assert found.verdict is (Verdict.INVALID if start > 29.875 else Verdict.VALID)
    later = Run().queued(20, 31).story(0, at=19.875, start=start, end=start + 0.125)
    assert later.judge(stall_s=10.0)["stalled"].verdict is verdict


def test_a_stall_that_ends_says_so() -> None:
    run = Run().queued(5, 25).story(0, at=4.875, start=25, end=25.125).steady(26, 30)
    found = run.judge()["stalled"]
    assert found.verdict is Verdict.INVALID
    assert (found.numbers["longest_s"], found.numbers["to_the_end"]) == (20, 0)


def test_a_refused_duplicate_is_work_too() -> None:
    run = Run().queued(5, 25).story(0, at=4.875, start=25, end=25.125)
    assert run.skip(7, at=15).judge()["stalled"].verdict is Verdict.VALID


def test_waiting_is_known_from_the_clients_too() -> None:
    """An outbox: the queue is empty, and the story is started in the end."""
    run = Run().story(0, at=4.875, start=25, end=25.125)
    assert run.judge()["stalled"].numbers["longest_s"] == 20


def test_a_story_that_is_nowhere_is_lost_not_stalled() -> None:
    findings = Run().steady(1, 10).story(0, at=5).judge()
    assert findings["lost"].verdict is Verdict.INVALID
    assert findings["stalled"].verdict is Verdict.VALID


@pytest.mark.parametrize(("unacked", "up"), [(1, True), (0, False)])
def test_a_story_held_for_a_worker_or_out_of_sight_waits(unacked: int, up: bool) -> None:  # noqa: FBT001 (a parameter)
    run = Run().steady(1, 10).story(0, at=5)
    for second in range(10, 41):
        run.queue(second, 0, unacked=unacked, up=up)
    assert run.judge()["stalled"].numbers["longest_s"] == 30


def test_time_under_a_fault_does_not_count() -> None:
    under = mute().fault(0, begin=20, end=52).judge(DOWN)["stalled"]
    assert under.verdict is Verdict.VALID
    assert under.numbers["longest_s"] == 8
    endless = mute().fault(0, begin=20).judge(DOWN)["stalled"]
    assert endless.numbers["longest_s"] == 0.125
    before = mute().fault(0, begin=20, end=48).judge(DOWN)["stalled"]
    assert before.numbers["longest_s"] == 12
    assert before.verdict is Verdict.INVALID


def test_an_instantaneous_fault_restarts_the_clock_and_is_over() -> None:
    found = mute().fault(0, begin=35).judge(KILL)["stalled"]
    assert (found.numbers["longest_s"], found.numbers["stalls"]) == (25, 2)


def test_a_busy_worker_is_not_stalled_while_its_tasks_run() -> None:
    run = Run().queued(2, 30).story(0, at=1, start=1.5, end=21.5)
    run.story(1, at=1, start=21.5, end=22)
    assert run.judge(task_s=20.0)["stalled"].verdict is Verdict.VALID


def test_a_free_hand_makes_it_stalled() -> None:
    """Two were once in work at once, so one alone does not fill the worker."""
    run = Run().queued(4, 30).story(0, at=1, start=1.5, end=3.5).story(1, at=1, start=2, end=3.5)
    run.story(2, at=1, start=4, end=24).story(3, at=1, start=24, end=25)
    found = run.judge(task_s=20.0)["stalled"]
    assert found.verdict is Verdict.INVALID
    assert found.numbers["longest_s"] == 20


def test_a_task_that_hangs_is_no_excuse_for_longer_than_it_takes() -> None:
    run = Run().queued(2, 41).story(0, at=1, start=1.5)
    found = run.judge(task_s=5.0)["stalled"]
    assert found.numbers["began_s"] == 6.5
    assert found.verdict is Verdict.INVALID


def test_a_worker_that_died_is_not_busy() -> None:
    run = Run().queued(2, 41).story(0, at=1, start=1.5).instance("worker", "exit", at=3)
    assert run.judge(task_s=20.0)["stalled"].numbers["began_s"] == 3


def test_a_story_in_work_is_not_waiting() -> None:
    """One of two hands works on the only story there is."""
    run = Run().story(0, at=1, start=1.5, end=3.5).story(1, at=1, start=2, end=3.5)
    run.story(2, at=4, start=4.5, end=24.5)
    assert run.judge(task_s=20.0)["stalled"].verdict is Verdict.VALID


def test_no_work_at_all_says_nothing() -> None:
    assert Run().judge()["stalled"].verdict is Verdict.UNKNOWN


def test_a_message_seen_once_is_work_seen() -> None:
    assert Run().queue(5, 1).judge()["stalled"].verdict is Verdict.VALID


def test_a_standing_condition_excuses_nobody() -> None:
    standing = mute(until=60).fault(0, begin=0, end=40).judge(STANDING)["stalled"]
    assert standing.verdict is Verdict.INVALID
    assert standing.numbers["began_s"] == 20.0
    passing = mute(until=60).fault(0, begin=0, end=40).judge(DOWN)["stalled"]
    assert passing.numbers["began_s"] == 40.0
