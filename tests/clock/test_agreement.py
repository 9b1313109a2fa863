"""The same timer at speed 1 and at 30: what the system decides, it decides alike."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import median

import pytest
from tests.clock.compressed import tasks_of

from stallproof.events import Task

pytestmark = [pytest.mark.real, pytest.mark.long]

VISIBILITY_S = 90
"""So that 5 % of it are 0.15 s of the machine's work at speed 30."""
DEADLINE_S = VISIBILITY_S + 40.0
FAST_RUNS = 3
"""Their median: at speed 30 a hiccup of this machine looks thirty times as long."""
ARGUMENTS = (
    f"workload=Workload(rate_per_s=1, for_s=1, task_s={2 * VISIBILITY_S}), max_speed=30, "
    f"settings={{'broker_transport_options.visibility_timeout': {VISIBILITY_S}, "
    "'broker_transport_options.unacked_restore_interval': 1, "
    "'broker_transport_options.unacked_restore_throttle': 1}"
)


def starts(tasks: list[Task]) -> list[Task]:
    return [task for task in tasks if task.event == "start"]


def delivered_again_s(folder: Path, *, speed: float) -> float:
    """How long after its start a task that takes too long is started a second time.

    Celery counts from the delivery, a little before the first start.
    """
    seen = tasks_of(
        folder,
        arguments=ARGUMENTS,
        profile="guide-int-keys",
        speed=speed,
        enough=lambda tasks: len(starts(tasks)) == 2,
        deadline_s=DEADLINE_S,
    )
    first, second = starts(seen)
    assert (first.story_id, first.attempt, second.attempt) == (second.story_id, 1, 2)
    return second.t - first.t


def test_the_visibility_timeout_takes_as_long_at_speed_30_as_at_1(tmp_path: Path) -> None:
    with ThreadPoolExecutor() as pool:
        slow = pool.submit(delivered_again_s, tmp_path / "slow", speed=1)
        # The slow run only waits; these are one after the other, for they work.
        folders = [tmp_path / str(run) for run in range(FAST_RUNS)]
        fast_s = [delivered_again_s(folder, speed=30) for folder in folders]
        slow_s = slow.result()
    assert slow_s == pytest.approx(VISIBILITY_S, rel=0.05)
    assert median(fast_s) == pytest.approx(slow_s, rel=0.05), (slow_s, fast_s)
