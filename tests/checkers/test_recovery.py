"""`recovery`: from the end of a fault to flowing work, and to an empty backlog."""

import pytest
from histories import DOWN, KILL, RESTART, STANDING, Run

from stallproof.model import Verdict


def faulted(*, start: float, until: float = 60) -> Run:
    """A fault from 4 to 8; stories each second; the first start after it at `start`."""
    run = Run(until=until).steady(1, 4).fault(0, begin=4, end=8)
    for second in range(4, 12):
        run.story(second, at=second, start=start + second / 8 - 0.5, end=start + 2)
    return run


def test_work_that_flows_soon() -> None:
    found = faulted(start=9).judge(RESTART)["recovery"]
    assert found.verdict is Verdict.VALID
    assert found.numbers == {
        "first_start_s": 1,
        "step_0_first_start_s": 1,
        "step_0_wanted_s": 8,
        "drain_s": 3,
    }


@pytest.mark.parametrize(("start", "verdict"), [(23, Verdict.VALID), (23.125, Verdict.INVALID)])
def test_the_first_start_has_a_limit(start: float, verdict: Verdict) -> None:
    assert faulted(start=start).judge(RESTART, first_start_s=15)["recovery"].verdict is verdict


@pytest.mark.parametrize(("start", "verdict"), [(16, Verdict.VALID), (16.125, Verdict.INVALID)])
def test_the_drain_has_a_limit(start: float, verdict: Verdict) -> None:
    assert faulted(start=start).judge(RESTART, drain_s=10)["recovery"].verdict is verdict


def test_never_started_again() -> None:
    run = Run(until=60).steady(1, 4).fault(0, begin=4, end=8).story(0, at=9)
    found = run.judge(RESTART)["recovery"]
    assert found.verdict is Verdict.INVALID
    assert found.numbers["first_start_s"] is None


@pytest.mark.parametrize(("until", "verdict"), [(23, Verdict.UNKNOWN), (24, Verdict.INVALID)])
def test_never_started_in_a_watch_that_was_too_short(until: float, verdict: Verdict) -> None:
    run = Run(until=until).steady(1, 4).fault(0, begin=4, end=8).story(0, at=7)
    assert run.judge(RESTART, first_start_s=15, drain_s=15)["recovery"].verdict is verdict


def test_flowing_again_but_never_drained() -> None:
    run = faulted(start=9).story(50, at=5)
    found = run.judge(RESTART)["recovery"]
    assert found.verdict is Verdict.INVALID
    assert found.numbers["drain_s"] is None
    assert found.numbers["first_start_s"] == 1


def test_a_backlog_undone_in_a_watch_that_was_too_short() -> None:
    run = faulted(start=9, until=38).story(50, at=5)
    assert run.judge(RESTART, drain_s=30)["recovery"].verdict is Verdict.UNKNOWN


def test_nothing_submitted_afterwards() -> None:
    run = Run().steady(1, 4).fault(0, begin=4, end=8)
    assert run.judge(RESTART)["recovery"].verdict is Verdict.UNKNOWN


def test_the_clock_starts_when_there_is_work_on_offer() -> None:
    run = Run(until=80).steady(1, 4).fault(0, begin=4, end=8).story(0, at=40, start=41, end=42)
    assert run.judge(RESTART)["recovery"].numbers["first_start_s"] == 1


def test_a_post_that_hangs_is_work_on_offer() -> None:
    run = Run(until=80).steady(1, 4).fault(0, begin=4, end=8)
    run.story(0, at=6, post_s=30, start=37, end=38)
    assert run.judge(RESTART)["recovery"].numbers["first_start_s"] == 29


def test_a_post_that_failed_before_is_not() -> None:
    run = Run(until=80).steady(1, 4).fault(0, begin=4, end=8).story(0, at=5, answer="fail")
    run.story(1, at=10, start=11, end=12)
    assert run.judge(RESTART)["recovery"].numbers["first_start_s"] == 1


def test_a_start_under_the_fault_is_not_recovery() -> None:
    run = Run(until=80).story(0, at=3, start=6, end=7).fault(0, begin=4, end=8)
    run.story(1, at=6, start=12, end=13)
    assert run.judge(RESTART)["recovery"].numbers["first_start_s"] == 4


def test_what_the_worker_had_in_hand_says_nothing_of_its_connection() -> None:
    run = Run(until=80).steady(1, 3).fault(0, begin=4)
    run.story(0, at=3, start=4.5, end=5.5).message("received", 0, at=3.25)
    run.story(1, at=5, start=20, end=21).message("received", 1, at=19.75)
    found = run.judge(KILL)["recovery"]
    assert found.numbers["step_0_wanted_s"] == 5
    assert found.numbers["first_start_s"] == 15


def test_a_mute_worker_that_starts_what_it_had_in_hand_has_not_recovered() -> None:
    run = Run(until=80).steady(1, 3).fault(0, begin=4)
    run.story(0, at=3, start=4.5, end=5.5).message("received", 0, at=3.25).story(1, at=5)
    found = run.judge(KILL)["recovery"]
    assert found.verdict is Verdict.INVALID
    assert found.numbers["first_start_s"] is None


def test_a_message_that_came_back_is_not_in_hand() -> None:
    run = Run(until=80).steady(1, 3).fault(0, begin=4)
    run.story(0, at=3, start=7, end=8).message("received", 0, at=3.25)
    run.message("received", 0, at=6.5, redelivered=True)
    assert run.judge(KILL)["recovery"].numbers["first_start_s"] == 3


def test_what_was_in_hand_counts_where_nothing_else_was_wanted() -> None:
    run = Run(until=80).steady(1, 3).fault(0, begin=4)
    run.story(0, at=3, start=4.5, end=5.5).message("received", 0, at=3.25)
    assert run.judge(KILL)["recovery"].numbers["first_start_s"] == 0.5
    run.fault(1, begin=8).story(1, at=9, start=11, end=12).message("received", 1, at=10)
    found = run.judge(KILL, KILL)["recovery"]
    assert found.numbers["step_0_first_start_s"] == 0.5
    assert found.numbers["step_1_first_start_s"] == 2


def test_instantaneous_faults_are_measured_from_their_begin() -> None:
    run = Run().steady(1, 4).fault(0, begin=4).story(0, at=3.5, start=7, end=8)
    run.fault(1, begin=10).story(1, at=11, start=13, end=14)
    found = run.judge(KILL, KILL)["recovery"]
    assert found.numbers["step_0_first_start_s"] == 3
    assert found.numbers["step_1_first_start_s"] == 2
    assert found.numbers["first_start_s"] == 3


def test_a_fault_inside_another_or_overtaken_by_the_next_is_not_judged() -> None:
    inside = Run().steady(1, 4).fault(0, begin=4, end=20).fault(1, begin=6)
    inside.story(0, at=5, start=22, end=23)
    assert "step_1_first_start_s" not in inside.judge(RESTART, KILL)["recovery"].numbers
    overtaken = Run().steady(1, 4).fault(0, begin=4).fault(1, begin=10)
    overtaken.story(0, at=5, start=22, end=23)
    found = overtaken.judge(KILL, KILL)["recovery"]
    assert "step_0_first_start_s" not in found.numbers
    assert found.numbers["step_1_first_start_s"] == 12


def test_the_next_fault_does_not_excuse_what_was_over_its_limit_already() -> None:
    run = Run(until=80).steady(1, 4).fault(0, begin=4, end=8).fault(1, begin=40)
    run.story(0, at=5, start=41, end=42)
    assert run.judge(RESTART, KILL)["recovery"].verdict is Verdict.INVALID


def test_no_fault_scheduled_began_or_undone() -> None:
    assert Run().steady(1, 9).judge()["recovery"].verdict is Verdict.VALID
    assert Run().steady(1, 9).judge(KILL)["recovery"].verdict is Verdict.UNKNOWN
    never_undone = Run().steady(1, 9).fault(0, begin=4)
    assert never_undone.judge(DOWN)["recovery"].verdict is Verdict.UNKNOWN


def test_of_several_faults_each_is_measured_to_its_own_next_and_the_last_one_drains() -> None:
    run = Run(until=100).steady(1, 4)
    run.fault(0, begin=4).fault(1, begin=30).fault(2, begin=60)
    run.story(0, at=4, start=14, end=15).story(1, at=29, start=38, end=39)
    run.story(2, at=59, start=62, end=64).story(3, at=58, start=63, end=70)
    found = run.judge(KILL, KILL, KILL)["recovery"]
    assert found.numbers == {
        "first_start_s": 10,
        "step_0_first_start_s": 10,
        "step_1_first_start_s": 8,
        "step_2_first_start_s": 2,
        "step_0_wanted_s": 4,
        "step_1_wanted_s": 30,
        "step_2_wanted_s": 60,
        "drain_s": 10,
    }
    assert found.text == (
        "first task 10.00 s after fault (limit 15 s); "
        "2 stories in hand at the end of the last fault, all done 10.00 s later (limit 25 s)."
    )


def test_only_what_is_over_its_limit_is_told() -> None:
    run = Run(until=100).steady(1, 4).fault(0, begin=4).fault(1, begin=40)
    run.story(0, at=4, start=24, end=25).story(1, at=39, start=41, end=42)
    found = run.judge(KILL, KILL)["recovery"]
    assert found.verdict is Verdict.INVALID
    assert found.text.startswith("first task 20.00 s after fault (limit 15 s); 1 story in hand")


def test_the_next_of_several_faults_overtakes() -> None:
    run = Run(until=100).steady(1, 4).fault(0, begin=4).fault(1, begin=10).fault(2, begin=60)
    run.story(0, at=3, start=22, end=23).story(1, at=59, start=61, end=62)
    found = run.judge(KILL, KILL, KILL)["recovery"]
    assert "step_0_first_start_s" not in found.numbers
    assert found.numbers["step_1_first_start_s"] == 12


@pytest.mark.parametrize(("next_at", "judged"), [(19, False), (19.125, True)])
def test_the_next_fault_overtakes_up_to_the_limit(next_at: float, judged: bool) -> None:  # noqa: FBT001 (a parameter)
    run = Run(until=100).steady(1, 4).fault(0, begin=4).fault(1, begin=next_at)
    run.story(0, at=3, start=30, end=31)
    found = run.judge(KILL, KILL)["recovery"]
    assert ("step_0_first_start_s" in found.numbers) is judged


def test_a_fault_that_ends_as_another_is_in_force_is_not_judged() -> None:
    run = Run(until=60).steady(1, 4).fault(0, begin=4, end=8).fault(1, begin=8, end=12)
    run.story(0, at=5, start=13, end=14)
    found = run.judge(RESTART, RESTART)["recovery"]
    assert found.numbers["first_start_s"] == 1
    assert "step_0_first_start_s" not in found.numbers


def test_a_backlog_is_what_was_accepted_by_the_very_end_of_the_fault() -> None:
    run = Run(until=60).steady(1, 4).fault(0, begin=4, end=8)
    run.story(0, at=7.875, start=9, end=12).story(1, at=8, start=10, end=20)
    assert run.judge(RESTART)["recovery"].numbers["drain_s"] == 4


def test_the_first_of_several_offers_starts_the_clock() -> None:
    run = Run(until=80).steady(1, 4).fault(0, begin=4, end=8)
    run.story(0, at=20, start=23, end=24).story(1, at=22, start=24, end=25)
    assert run.judge(RESTART)["recovery"].numbers["first_start_s"] == 3


def test_a_standing_condition_is_no_event_to_recover_from() -> None:
    alone = Run().steady(1, 4).fault(0, begin=0, end=40).judge(STANDING)["recovery"]
    assert alone.verdict is Verdict.VALID
    assert alone.text == "no fault was scheduled that passes."
    never = Run().steady(1, 4).fault(0, begin=0, end=40).judge(STANDING, KILL)["recovery"]
    assert never.verdict is Verdict.UNKNOWN
    judged = Run().steady(1, 4).fault(0, begin=0, end=40).fault(1, begin=4)
    judged.story(5, at=4, start=10, end=11)
    assert judged.judge(STANDING, KILL)["recovery"].numbers["first_start_s"] == 6.0
