"""A run that is watched through its history and ended as soon as it has shown what was asked."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from tests.end_to_end.command import STALLPROOF, write_scenario

from stallproof.events import Task
from stallproof.history import History


def tasks_of(
    folder: Path,
    *,
    arguments: str,
    profile: str,
    speed: float,
    enough: Callable[[list[Task]], bool],
    deadline_s: float,
) -> list[Task]:
    """The tasks' starts and ends of a scenario without faults, once they are enough.

    The warm-up's story is the first of them, so a story may take longer than one would wait.

    Raises:
        AssertionError: they were not enough in `deadline_s` (real), or when the run had ended.
    """
    write_scenario(folder / "scenarios", "watched", imports="Workload", arguments=arguments)
    command = [
        *[STALLPROOF, "run", "watched", "--profile", profile, "--speed", f"{speed:g}"],
        *["--scenarios", folder / "scenarios", "--out", folder / "out"],
    ]
    deadline = time.monotonic() + deadline_s
    with subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL) as run:
        try:
            while not enough(seen := _tasks(folder / "out")):
                assert run.poll() is None, f"the run ended, having seen {seen}"
                assert time.monotonic() < deadline, f"{deadline_s:g} s are over, seen: {seen}"
                time.sleep(0.1)
        finally:
            run.kill()
    return seen


def _tasks(out: Path) -> list[Task]:
    return [
        task for path in out.glob("runs/*/history.jsonl") for task in History.read(path).of(Task)
    ]
