"""Values: what they refuse, and that they survive JSON."""

import pytest

from stallproof import (
    API,
    AuthRotated,
    BrokerRestart,
    ClientKill,
    Failover,
    IdleReset,
    Latency,
    Scenario,
    Schedule,
    Verdict,
    Workload,
    at,
)
from stallproof.model import worst

TEXTS = {"title": "t", "on_cloud_run": "c", "guide_promises": "g", "must_hold": "m"}


def test_a_schedule_round_trips_through_json_and_keeps_its_token() -> None:
    schedule = Schedule(steps=(at(3, BrokerRestart(), for_s=4), at(9, ClientKill(links=API))))
    again = Schedule.from_json(schedule.to_json())
    assert again == schedule
    assert again.token == schedule.token


def test_another_schedule_has_another_token() -> None:
    one = Schedule(steps=(at(3, BrokerRestart(), for_s=4),))
    other = Schedule(steps=(at(3, BrokerRestart(), for_s=5),))
    assert one.token != other.token


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{", "not a schedule"),
        ('{"steps": [{"at_s": -1, "fault": {"fault": "client-kill"}}]}', "at_s is -1.0"),
        ('{"steps": [{"at_s": 1, "fault": {"fault": "latency"}}]}', "latency_ms"),
        ('{"steps": [{"at_s": 1, "fault": {"fault": "nope"}}]}', "nope"),
        ('{"steps": [{"at_s": 1, "fault": {"fault": "broker-restart"}}]}', "for_s"),
        ('{"steps": [{"at_s": 1, "for_s": 2, "fault": {"fault": "client-kill"}}]}', "for_s"),
    ],
)
def test_a_bad_schedule_is_refused_with_the_field_at_fault(text: str, says: str) -> None:
    with pytest.raises(ValueError, match=says) as refused:
        Schedule.from_json(text)
    assert "\n" not in str(refused.value)


def test_faults_of_both_routes_do_not_mix() -> None:
    steps = (at(1, Latency(latency_ms=50), for_s=1), at(3, IdleReset()))
    with pytest.raises(ValueError, match="two scenarios"):
        Schedule(steps=steps)


@pytest.mark.parametrize(
    ("rotated_s", "failover_s"),
    [((3, 4), (5, 4)), ((5, 4), (3, 4)), ((3, 2), (6, 2)), ((8, 2), (6, 2))],
    ids=["it begins meanwhile", "rotated meanwhile", "prepared at the end", "rotated at the end"],
)
def test_no_failover_while_the_password_is_another(
    rotated_s: tuple[float, float], failover_s: tuple[float, float]
) -> None:
    rotated = at(rotated_s[0], AuthRotated(), for_s=rotated_s[1])
    failover = at(failover_s[0], Failover(), for_s=failover_s[1])
    for steps in [(rotated, failover), (failover, rotated)]:
        with pytest.raises(ValueError, match=r"^failover .* auth-rotated .* must be apart: ") as no:
            Schedule(steps=steps)
        assert "\n" not in str(no.value)


def test_a_failover_before_or_after_the_password_was_another_is_no_matter() -> None:
    rotated = at(5, AuthRotated(), for_s=2)
    Schedule(steps=(at(2, Failover(), for_s=2), rotated, at(8.5, Failover(), for_s=2)))


def test_load_must_outlast_the_last_fault() -> None:
    schedule = Schedule(steps=(at(3, BrokerRestart(), for_s=10),))
    with pytest.raises(ValueError, match="before the last fault"):
        Scenario(name="x", schedule=schedule, workload=Workload(for_s=12), **TEXTS)


def test_arrivals_are_spread_evenly_and_end_with_the_load() -> None:
    assert Workload(rate_per_s=2, for_s=2).arrivals_s() == [0.0, 0.5, 1.0, 1.5]


def test_the_worst_verdict_counts_and_nothing_is_never_green() -> None:
    assert worst([Verdict.VALID, Verdict.UNKNOWN, Verdict.INVALID]) is Verdict.INVALID
    assert worst([Verdict.VALID, Verdict.UNKNOWN]) is Verdict.UNKNOWN
    assert worst([Verdict.VALID]) is Verdict.VALID
    assert worst([]) is Verdict.UNKNOWN
