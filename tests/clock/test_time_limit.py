"""Celery's task time limit of half an hour, at its own value."""

import subprocess
import time
from pathlib import Path

import pytest
from tests.end_to_end.command import STALLPROOF, write_scenario

from stallproof.history import History, Task

pytestmark = pytest.mark.real

LIMIT_S = 1800
DEADLINE_S = 100.0
"""Of real time: half a minute of it is the limit at 60 times speed, the rest a busy machine's."""
ARGUMENTS = (
    "workload=Workload(rate_per_s=0.05, for_s=20, task_s=5400), max_speed=60, "
    f"settings={{'task_soft_time_limit': {LIMIT_S}, 'task_time_limit': {LIMIT_S + 300}}}"
)


def tasks(out: Path) -> list[Task]:
    return [
        task for path in out.glob("runs/*/history.jsonl") for task in History.read(path).of(Task)
    ]


def test_the_soft_limit_ends_a_task_after_half_an_hour(tmp_path: Path) -> None:
    folder, out = tmp_path / "scenarios", tmp_path / "out"
    write_scenario(folder, "endless", imports="Workload", arguments=ARGUMENTS)
    argv = [STALLPROOF, "run", "endless", "--profile", "celery-defaults"]
    with subprocess.Popen(
        [*argv, "--scenarios", folder, "--out", out], cwd=tmp_path, stdout=subprocess.DEVNULL
    ) as run:
        deadline = time.monotonic() + DEADLINE_S
        while not any(task.event == "end" for task in tasks(out)):
            assert run.poll() is None, "the run ended before the task did"
            assert time.monotonic() < deadline, f"waited for a task's end, saw {tasks(out)}"
            time.sleep(0.2)
        run.kill()  # the warm-up's story is enough
    start, end = tasks(out)[:2]
    assert (start.event, end.event, end.outcome) == ("start", "end", "error")
    # Celery counts from the moment the pool took the task, a little before its first line.
    assert end.t - start.t == pytest.approx(LIMIT_S, rel=0.02)
