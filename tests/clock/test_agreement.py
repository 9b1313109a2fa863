"""The same scenario at speed 1 and at 30: what the system decides, it decides alike."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from tests.end_to_end.command import runs_of, stallproof, write_scenario

pytestmark = pytest.mark.real

VISIBILITY_S = 150
"""Longer than a worker takes to come up again, also on a busy machine: 5 s are 150 at speed 30."""
DEADLINE_S = 300.0
"""At speed 1 it takes not quite three minutes, most of them waiting."""
ARGUMENTS = (
    "schedule=[at(2, InstanceKill())], "
    "workload=Workload(rate_per_s=0.25, for_s=8, task_s=5), "
    "limits=Limits(stall_s=240, first_start_s=240, drain_s=240, accept_s=60, "
    "unhealthy_after_s=240, settle_s=270), max_speed=30, "
    "settings={'broker_transport_options.visibility_timeout': 150, "
    "'broker_transport_options.unacked_restore_interval': 1, "
    "'broker_transport_options.unacked_restore_throttle': 1}"
)


def number(run: Any, checker: str, name: str) -> float:
    (value,) = (f["numbers"][name] for f in run["findings"] if f["checker"] == checker)
    return float(value)


def test_a_killed_workers_task_comes_back_after_the_same_time(tmp_path: Path) -> None:
    folder = tmp_path / "scenarios"
    imports = "InstanceKill, Limits, Workload, at"
    write_scenario(folder, "short_hour", imports=imports, arguments=ARGUMENTS)

    def at_speed(speed: int) -> Any:
        done = stallproof(
            *["run", "short-hour", "--profile", "guide-int-keys", "--speed", str(speed)],
            *["--scenarios", str(folder), "--out", str(tmp_path / f"at-{speed}"), "--json"],
            cwd=tmp_path,
            timeout_s=DEADLINE_S,
        )
        assert done.code == 0, done.out + done.err
        return runs_of(done.json)[0]

    with ThreadPoolExecutor() as pool:
        slow, fast = pool.map(at_speed, (1, 30))
    assert (slow["speed"], fast["speed"]) == (1, 30)
    again_s = [number(run, "recovery", "again_s") for run in (slow, fast)]
    assert all(took_s >= VISIBILITY_S for took_s in again_s), again_s
    assert abs(again_s[1] - again_s[0]) <= 0.05 * again_s[0], again_s
    assert fast["seconds"] < slow["seconds"] / 5
