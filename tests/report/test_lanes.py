"""Instances side by side are drawn side by side, one after another on one line."""

from __future__ import annotations

from stallproof.events import Health, InstancePhase
from stallproof.report.lanes import Lanes


def phase(t: float, instance: str, service: str = "worker") -> InstancePhase:
    return InstancePhase(t=t, service=service, instance=instance, phase="start")


def answer(t: float, instance: str, service: str = "worker") -> Health:
    return Health(t=t, service=service, instance=instance, status=200, latency_s=0.0)


def test_an_instance_started_again_keeps_its_line() -> None:
    events = [answer(1, "worker-1"), answer(5, "worker-1"), answer(6, "worker-2")]
    assert Lanes(events).sort(events) == {"worker": events}


def test_two_at_a_time_have_a_line_each_and_a_third_takes_the_free_one() -> None:
    one = [answer(t, "worker-1") for t in (1, 5, 9)]
    two = [answer(t, "worker-2") for t in (4, 20)]
    three = [answer(t, "worker-3") for t in (12, 20)]
    sorted_out = Lanes([*two, *three, *one]).sort(sorted([*one, *two, *three], key=lambda e: e.t))
    assert sorted_out == {"worker": [*one, three[0], three[1]], "worker 2": two}


def test_starts_and_answers_share_a_line_and_services_do_not() -> None:
    starts = [phase(0, "worker-1"), phase(3, "worker-2"), phase(0, "api-1", "api")]
    answers = [answer(9, "worker-1"), answer(9, "worker-2"), answer(9, "api-1", "api")]
    lanes = Lanes([*starts, *answers])
    for events in (starts, answers):
        by_line = lanes.sort(events)
        assert list(by_line) == ["worker", "worker 2", "api"]
        assert by_line == {"worker": events[:1], "worker 2": events[1:2], "api": events[2:]}


def test_histories_without_ids_have_one_line_a_service() -> None:
    events = [answer(1, ""), answer(2, "")]
    assert Lanes(events).sort(events) == {"worker": events}
