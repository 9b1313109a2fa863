"""A process ends with everything it started, and never without its exit being told."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from stallproof.history import Recorder
from stallproof.sites.hosts import Here
from stallproof.sites.logs import ServiceLog
from stallproof.sites.process import Process
from stallproof.sites.proctable import session_members
from stallproof.sites.redact import redactor

pytestmark = pytest.mark.real


class Started:
    """A shell script as a `Process`, with the exit codes it told."""

    def __init__(self, script: str, folder: Path) -> None:
        recorder = Recorder(folder / "history.jsonl")
        self.log = ServiceLog(
            folder, service="api", recorder=recorder, redact=redactor([]), watched=True
        )
        self.exits: list[int] = []
        self.process = Process(
            ["sh", "-c", script],
            env={"PATH": os.environ["PATH"]},
            cwd=folder,
            host=Here(),
            log=self.log,
            on_exit=self.exits.append,
        )


@pytest.fixture
def ready(tmp_path: Path) -> Iterator[Path]:
    """A named pipe: reading it waits until the script has got that far."""
    os.mkfifo(tmp_path / "ready")
    return tmp_path / "ready"


def test_children_that_survive_their_parent_are_killed(tmp_path: Path, ready: Path) -> None:
    started = Started("sleep 1000 & sleep 1000 & echo up > ready; wait", tmp_path)
    assert ready.read_text() == "up\n"
    assert len(session_members(started.process.pid)) == 3
    started.process.signal(signal.SIGKILL)  # only the shell, as a crash would
    assert started.process.wait(5)
    assert started.exits == [-signal.SIGKILL]
    assert session_members(started.process.pid) == []


def test_the_whole_tree_is_killed_at_once(tmp_path: Path, ready: Path) -> None:
    started = Started("trap '' TERM; sleep 1000 & echo up > ready; wait", tmp_path)
    assert ready.read_text() == "up\n"
    started.process.kill_tree()
    assert started.process.wait(5)
    assert session_members(started.process.pid) == []


def test_the_last_words_are_in_the_log_when_the_exit_is_told(tmp_path: Path) -> None:
    started = Started("echo one; echo 'ValueError: last'; exit 3", tmp_path)
    assert started.process.wait(5)
    assert started.exits == [3]
    assert started.process.exit_code == 3
    assert started.log.last_line == "ValueError: last"


def test_signals_after_the_end_reach_nobody(tmp_path: Path) -> None:
    started = Started("exit 0", tmp_path)
    assert started.process.wait(5)
    started.process.signal(signal.SIGTERM)
    started.process.kill_tree()
    assert started.exits == [0]
