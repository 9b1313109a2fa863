"""Celery's task time limit of half an hour, at its own value."""

from pathlib import Path

import pytest
from tests.end_to_end.command import stallproof, write_scenario

from stallproof.history import History, Task

pytestmark = pytest.mark.real

LIMIT_S = 1800
ARGUMENTS = (
    "workload=Workload(rate_per_s=0.05, for_s=20, task_s=5400), "
    "limits=Limits(accept_s=60, settle_s=2100), max_speed=60, "
    f"settings={{'task_soft_time_limit': {LIMIT_S}, 'task_time_limit': {LIMIT_S + 300}}}"
)


def test_the_soft_limit_ends_a_task_after_half_an_hour(tmp_path: Path) -> None:
    folder = tmp_path / "scenarios"
    write_scenario(folder, "endless", imports="Limits, Workload", arguments=ARGUMENTS)
    out = tmp_path / "out"
    stallproof(
        *["run", "endless", "--profile", "celery-defaults"],
        *["--scenarios", str(folder), "--out", str(out)],
        cwd=tmp_path,
    )
    (history,) = out.glob("runs/*/history.jsonl")
    *_, start, end = History.read(history).of(Task)
    assert (start.event, end.event, end.outcome) == ("start", "end", "error")
    assert LIMIT_S <= end.t - start.t <= LIMIT_S * 1.02
