"""Celery's task time limit of half an hour, at its own value."""

from pathlib import Path

import pytest
from tests.clock.compressed import tasks_of

pytestmark = [pytest.mark.real, pytest.mark.long]

LIMIT_S = 1800
DEADLINE_S = 100.0
"""Of real time: 15 s of it are the limit at 120 times speed, the rest a busy machine's."""
ARGUMENTS = (
    "workload=Workload(rate_per_s=0.05, for_s=20, task_s=5400), max_speed=120, "
    f"settings={{'task_soft_time_limit': {LIMIT_S}, 'task_time_limit': {LIMIT_S + 300}}}"
)


def test_the_soft_limit_ends_a_task_after_half_an_hour(tmp_path: Path) -> None:
    seen = tasks_of(
        tmp_path,
        arguments=ARGUMENTS,
        profile="celery-defaults",
        speed=120,
        enough=lambda tasks: any(task.event == "end" for task in tasks),
        deadline_s=DEADLINE_S,
    )
    start, end = seen[:2]
    assert (start.event, end.event, end.outcome) == ("start", "end", "error")
    # Celery counts from the moment the pool took the task, a little before its first line.
    assert end.t - start.t == pytest.approx(LIMIT_S, rel=0.02)
