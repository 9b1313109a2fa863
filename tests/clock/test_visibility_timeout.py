"""Celery's visibility timeout of an hour, at its own value, from the command to the verdict."""

from pathlib import Path
from typing import Any

import pytest
from tests.end_to_end.command import runs_of, stallproof

from stallproof.exits import Exit

pytestmark = [pytest.mark.real, pytest.mark.long]

HOUR_S = 3600
SCAN_S = 160
"""The scan for what is overdue runs every 100 s, and a minute of system time is a second here."""
REAL_S = 90.0


def test_a_killed_workers_task_comes_back_after_an_hour_in_a_minute(tmp_path: Path) -> None:
    done = stallproof(
        *["run", "visibility-timeout", "--profile", "guide-int-keys"],
        *["--out", str(tmp_path / "out"), "--json"],
        cwd=Path(__file__).parents[2],
    )
    assert done.code == Exit.VALID, done.out + done.err
    (run,) = runs_of(done.json)
    assert run["speed"] == 60
    assert run["seconds"] <= REAL_S
    assert HOUR_S <= number(run, "recovery", "again_s") <= HOUR_S + SCAN_S
    assert number(run, "duplicated", "restarted") == 1
    assert "at 60 times speed" in (tmp_path / "out" / "report.html").read_text()


def number(run: Any, checker: str, name: str) -> float:
    (value,) = (f["numbers"][name] for f in run["findings"] if f["checker"] == checker)
    return float(value)
