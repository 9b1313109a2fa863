"""The arithmetic of system time, and what a history is told to allow for."""

import time

import pytest

from stallproof.clock import REAL, Clock, lenient_s


def test_real_time_is_the_machines_own() -> None:
    before = time.monotonic()
    assert before <= REAL.now() <= time.monotonic()
    assert REAL.real_s(6.0, at_least_s=60.0) == 6.0
    assert REAL.env(shim=None) == {}


def test_a_fast_clock_begins_at_real_time_and_runs_ahead_of_it() -> None:
    base_ns = time.monotonic_ns() - 2_000_000_000
    clock = Clock(speed=60, base_ns=base_ns)
    low = time.monotonic() * 60
    shown = clock.now() - base_ns / 1e9
    high = time.monotonic() * 60
    assert low - base_ns * 60 / 1e9 - 0.01 <= shown <= high - base_ns * 60 / 1e9 + 0.01
    assert shown >= 120
    assert clock.wall_s() - time.time() >= 118


def test_a_wait_is_divided_but_leaves_the_machine_its_time() -> None:
    clock = Clock(speed=60, base_ns=0)
    assert clock.real_s(6.0) == 0.1
    assert clock.real_s(6.0, at_least_s=0.25) == 0.25
    assert clock.real_s(60.0, at_least_s=0.25) == 1.0


def test_the_environment_carries_speed_and_base_exactly() -> None:
    env = Clock(speed=2.5, base_ns=123).env(shim="/x/shim.so", timers="/y/worker")
    assert env == {
        "LD_PRELOAD": "/x/shim.so",
        "STALLPROOF_CLOCK": "2.5:123",
        "STALLPROOF_CLOCK_TIMERS": "/y/worker",
    }


def test_no_clock_is_slower_than_real_time_or_fast_without_its_library() -> None:
    with pytest.raises(ValueError, match=r"speed is 0.5: it must be 1 or more"):
        Clock(speed=0.5)
    with pytest.raises(ValueError, match="needs the clock's library"):
        Clock(speed=10).env(shim=None)


@pytest.mark.parametrize(
    ("speed", "allowed_s"), [(1.0, 5.0), (2.0, 5.0), (10.0, 15.0), (60.0, 90.0)]
)
def test_the_harness_is_given_real_time(speed: float, allowed_s: float) -> None:
    assert lenient_s(5.0, speed=speed, real_s=1.5) == allowed_s
