"""Ctrl-C: what runs is ended at once, what had ended is kept."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from stallproof.report import load_results
from stallproof.sites.proctable import session_members

from .command import RUN_DEADLINE_S, STALLPROOF, broker_away

pytestmark = pytest.mark.real

AT_ONCE_S = 10.0
"""On a crowded machine; a run that is waited for takes longer, and there are several."""
N = 6
JOBS = 2
LISTEN = """
import os, signal, sys
signal.signal(signal.SIGINT, signal.SIG_DFL)
os.execv(sys.argv[1], sys.argv[1:])
"""
"""Becomes a program that minds SIGINT: what a shell has started in the background ignores it."""


def test_it_ends_what_runs_and_keeps_what_had_ended(tmp_path: Path) -> None:
    broker_away(tmp_path / "scenarios", "tiny", for_s=1, load_s=4)
    result = tmp_path / "result"
    with (tmp_path / "said").open("wb") as said:
        run = subprocess.Popen(
            [
                *[sys.executable, "-c", LISTEN, str(STALLPROOF), "run", "tiny"],
                *["--scenarios", str(tmp_path / "scenarios")],
                *["--repeat", str(N), "--jobs", str(JOBS), "--out", str(result)],
            ],
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=said,
            start_new_session=True,
        )
    deadline = time.monotonic() + RUN_DEADLINE_S
    while not (result / "run.json").exists():
        assert run.poll() is None, (tmp_path / "said").read_text()
        assert time.monotonic() < deadline, "waited for the first run to end"
        time.sleep(0.02)
    os.killpg(run.pid, signal.SIGINT)  # the whole foreground group, as a terminal does
    assert run.wait(AT_ONCE_S) == 3
    assert not session_members(run.pid)
    last = (tmp_path / "said").read_text().splitlines()[-1]
    assert last == "stallproof: interrupted: runs that had ended by then are stored"
    (kept,) = load_results(result).results
    assert 1 <= kept.n < N
    assert all(record.seconds > 0 for record in kept.runs)
    assert len(list((result / "runs").iterdir())) <= kept.n + JOBS, "no run was begun after it"
