"""`health`: it tells the truth."""

import pytest
from histories import KILL, RESTART, Run

from stallproof.model import Verdict


def mute(until: int = 100) -> Run:
    """From 20 on work is queued and nothing is started."""
    return Run(until=until).steady(1, 20).queued(20, until + 1)


def test_a_healthy_worker_that_works() -> None:
    found = Run().steady(1, 20).judge()["health"]
    assert found.verdict is Verdict.VALID
    assert (found.numbers["api_samples"], found.numbers["worker_samples"]) == (41, 41)


@pytest.mark.parametrize(("sick_at", "verdict"), [(60, Verdict.VALID), (61, Verdict.INVALID)])
def test_a_stalled_worker_must_say_so_in_time(sick_at: int, verdict: Verdict) -> None:
    run = mute().sick("worker", sick_at, 101)
    found = run.judge(unhealthy_after_s=40)["health"]
    assert found.numbers["hidden_stall_s"] == sick_at - 20
    assert found.verdict is verdict


def test_not_answering_at_all_is_honest() -> None:
    assert mute().sick("worker", 25, 101, None).judge()["health"].verdict is Verdict.VALID


def test_a_slow_200_is_none() -> None:
    run = mute()
    for second in range(25, 101):
        run.health("worker", second, 200, latency_s=1.125)
    assert run.judge()["health"].numbers["hidden_stall_s"] == 5


def test_what_is_too_short_to_be_a_stall_hides_nothing() -> None:
    run = Run().queued(5, 15).story(0, at=4.875, start=15, end=15.125)
    assert run.judge(stall_s=10)["health"].numbers["hidden_stall_s"] == 0
    assert run.judge(stall_s=9.875)["health"].numbers["hidden_stall_s"] == 10


def test_a_new_instance_starts_afresh() -> None:
    run = mute().instance("worker", "liveness-kill", at=55).instance("worker", "start", at=56)
    run.sick("worker", 55, 60, None)
    found = run.judge(unhealthy_after_s=40)["health"]
    assert found.numbers["hidden_stall_s"] == 40  # from 60 on; the one before it: 35
    assert found.verdict is Verdict.VALID


def test_a_dead_workers_message_is_not_held_against_the_living() -> None:
    run = Run(until=100).steady(1, 20).story(0, at=19).queued(20, 101, queued=0, unacked=1)
    findings = run.judge()
    assert findings["stalled"].verdict is Verdict.INVALID
    assert findings["health"].verdict is Verdict.VALID


def test_a_broker_out_of_sight_is_held_against_it() -> None:
    run = Run(until=100).steady(1, 20).story(0, at=19)
    for second in range(20, 101):
        run.queue(second, 0, up=False)
    assert run.judge()["health"].verdict is Verdict.INVALID


@pytest.mark.parametrize(("to", "verdict"), [(20, Verdict.VALID), (21, Verdict.INVALID)])
def test_a_false_alarm_has_a_limit(to: int, verdict: Verdict) -> None:
    found = Run().steady(1, 40).sick("worker", 10, to).judge()["health"]
    assert found.numbers["false_alarm_s"] == to - 10
    assert found.verdict is verdict


def test_an_alarm_while_nothing_flows_is_not_false() -> None:
    run = Run().steady(1, 10).sick("worker", 10, 35).steady(35, 40)
    assert run.judge()["health"].numbers["false_alarm_s"] == 0


def test_an_alarm_under_a_fault_is_not_false() -> None:
    run = Run().steady(1, 40).sick("worker", 10, 30).fault(0, begin=12, end=29)
    assert run.judge(RESTART)["health"].numbers["false_alarm_s"] == 2


def test_silence_while_the_instance_restarts_is_not_false() -> None:
    run = Run().steady(1, 40).sick("worker", 10, 30, None).instance("worker", "exit", at=10)
    assert run.judge(KILL)["health"].numbers["false_alarm_s"] == 0


@pytest.mark.parametrize(("to", "verdict"), [(20, Verdict.VALID), (21, Verdict.INVALID)])
def test_the_api_must_answer_also_under_a_fault(to: int, verdict: Verdict) -> None:
    run = Run().steady(1, 40).sick("api", 10, to, None).fault(0, begin=5, end=30)
    found = run.judge(RESTART)["health"]
    assert found.numbers["api_gap_s"] == to - 10
    assert found.verdict is verdict


def test_the_api_may_restart() -> None:
    run = Run().steady(1, 40).sick("api", 10, 30, None).instance("api", "exit", at=10)
    assert run.judge()["health"].verdict is Verdict.VALID


@pytest.mark.parametrize("service", ["api", "worker"])
def test_who_is_frozen_cannot_answer(service: str) -> None:
    run = Run().steady(1, 40).sick(service, 10, 31, None)
    assert run.judge()["health"].verdict is Verdict.INVALID
    assert run.frozen(service, 10, 30).judge()["health"].verdict is Verdict.VALID


def test_only_who_is_frozen_is_excused_and_only_as_long() -> None:
    run = Run().steady(1, 40).sick("api", 10, 31, None).frozen("worker", 10, 30)
    assert run.judge()["health"].verdict is Verdict.INVALID
    run = Run().steady(1, 40).sick("api", 10, 31, None).frozen("api", 10, 15)
    assert run.judge()["health"].verdict is Verdict.INVALID


@pytest.mark.parametrize("service", ["api", "worker"])
@pytest.mark.parametrize(("last", "verdict"), [(26, Verdict.VALID), (27, Verdict.UNKNOWN)])
def test_too_few_samples_say_nothing(service: str, last: float, verdict: Verdict) -> None:
    # 40 s need 14 samples: with 0 .. 26 dropped 14 are left, with 0 .. 27 only 13
    run = Run().steady(1, 20).unsampled(service, -1, last + 0.5)
    assert run.judge()["health"].verdict is verdict


def test_only_a_new_worker_starts_afresh() -> None:
    run = mute().instance("api", "start", at=55).instance("worker", "liveness-kill", at=58)
    assert run.judge()["health"].numbers["hidden_stall_s"] == 80


def test_an_answer_at_the_last_moment_is_in_time() -> None:
    run = mute()
    for second in range(25, 101):
        run.health("worker", second, 200, latency_s=1.0)
    assert run.judge()["health"].numbers["hidden_stall_s"] == 80


def test_deliveries_so_far_apart_still_flow() -> None:
    run = Run(until=60).sick("worker", 10, 60)
    for number, second in enumerate((10, 15, 20, 25.125)):
        run.story(number, at=second - 0.25, start=second, end=second)
    assert run.judge()["health"].numbers["false_alarm_s"] == 10


def test_exactly_enough_samples_are_enough() -> None:
    run = Run(until=39).steady(1, 20).unsampled("worker", -1, 26.5)  # 13 left for 39 s
    found = run.judge()["health"]
    assert found.verdict is Verdict.VALID
    assert (found.numbers["worker_samples"], found.numbers["api_samples"]) == (13, 40)


def test_what_is_told() -> None:
    quiet = Run().steady(1, 40).sick("worker", 10, 15).judge()["health"]
    assert quiet.text == "there was no stall to admit; 41 worker and 41 API samples."
    loud = Run().steady(1, 40).sick("worker", 10, 16).sick("api", 10, 12).judge()["health"]
    assert loud.text == (
        "there was no stall to admit; "
        "the worker did not answer 200 for 6.00 s while work flowed; "
        "the API did not answer 200 for 2.00 s; 41 worker and 41 API samples."
    )
    stalled = mute().judge()["health"]
    assert stalled.text.startswith("the worker answered 200 for 80.00 s of a stall (limit 40 s);")
