"""A compressed verdict: where there may be none, and that it always says so."""

from pathlib import Path
from typing import Any, ClassVar

import msgspec
import pytest
from tests.checkers import histories

from stallproof import IdleReset, InstanceKill, Latency, Loss, ResetPeer, catalog
from stallproof.events import KernelTimer
from stallproof.faults import Fault
from stallproof.history import History
from stallproof.load.command import LocustLoad
from stallproof.model import Step, Verdict
from stallproof.plan import make_jobs
from stallproof.wish import PlanError, Wish


class Silence(Fault, frozen=True, kw_only=True, tag="silence"):
    """Nobody answers."""

    plane = "kernel"
    kernel_timers: ClassVar[bool] = True


def judged(fault: Fault, *timers: KernelTimer, speed: float = 60.0) -> dict[str, Verdict]:
    run = histories.Run(until=40, speed=speed)
    step = Step(at_s=4.0, fault=fault, for_s=4.0 if fault.lasting else None)
    scenario = histories.scenario(step)
    findings = histories.judge(History([*timers, *run.events]), scenario)
    return {finding.checker: finding.verdict for finding in findings} | {
        "text": next((f.text for f in findings if f.checker == "speed"), "")
    }


LOCUST = LocustLoad(shape="steady", rate_per_s=1, for_s=1)
KEEPALIVE = KernelTimer(t=1.0, service="worker", option="TCP_KEEPIDLE", value=60)


def test_a_kernel_timer_that_may_decide_takes_the_verdict_and_is_named() -> None:
    found = judged(Silence(), KEEPALIVE)
    assert found["speed"] is Verdict.UNKNOWN
    assert set(found) == {"boot", "speed", "text"}, "nothing else is judged"
    assert "TCP_KEEPIDLE 60 s set by worker" in found["text"]


@pytest.mark.parametrize(
    ("fault", "timers"), [(Silence(), ()), (IdleReset(), (KEEPALIVE,)), (InstanceKill(), ())]
)
def test_it_is_valid_where_none_can(fault: Fault, timers: tuple[KernelTimer, ...]) -> None:
    assert judged(fault, *timers)["speed"] is Verdict.VALID


def test_real_time_is_not_spoken_of() -> None:
    assert "speed" not in judged(Silence(), KEEPALIVE, speed=1.0)


def test_a_speed_beyond_what_the_scenario_allows_is_refused(tmp_path: Path) -> None:
    scenario = catalog.load()["issue-7276"]
    wish = Wish(scenarios=(scenario,), profiles=("hardened",), speed=60)
    with pytest.raises(PlanError, match="--speed 60: issue-7276 allows at most 1"):
        make_jobs(wish, root=tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("real_time", [{"site": "docker"}, {"locust": LOCUST}])
def test_the_docker_site_and_locust_live_in_real_time(
    real_time: dict[str, Any], tmp_path: Path
) -> None:
    scenario = catalog.load()["visibility-timeout"]
    wish = Wish(scenarios=(scenario,), profiles=("hardened",), speed=2, **real_time)
    with pytest.raises(PlanError, match=r"--speed 2: .* in real time; use"):
        make_jobs(wish, root=tmp_path / "out")


def test_a_fault_that_the_kernel_times_allows_no_speed() -> None:
    step = Step(at_s=4.0, fault=Loss(percent=3), for_s=4.0)
    with pytest.raises(ValueError, match=r"max_speed is 10: it must be 1, .* decide what .* loss"):
        msgspec.structs.replace(histories.scenario(step), max_speed=10.0)


def test_a_toxic_does_to_a_faster_system_what_it_does_to_this_one() -> None:
    assert Latency(latency_ms=500, jitter_ms=100).at_speed(10) == Latency(
        latency_ms=50, jitter_ms=10
    )
    assert ResetPeer(timeout_ms=0).at_speed(10) == ResetPeer(timeout_ms=0)
    with pytest.raises(ValueError, match="latency_ms"):
        Latency(latency_ms=50).at_speed(60)
