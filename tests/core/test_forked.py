"""Runs that are forked: their output, their status, and that they end when they have to."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from stallproof.forked import Forked, ForkServer, ServerClosedError
from stallproof.sites.proctable import descendants, processes

STANDIN = "tests.core.forked_standin"
GONE_S = 10.0
HANGS = """
import subprocess
with subprocess.Popen(["sleep", "1000"]):
    print("up", flush=True)
"""

Start = Callable[[str], Forked]


@pytest.fixture
def server() -> Iterator[ForkServer]:
    with ForkServer(STANDIN) as one:
        yield one


@pytest.fixture
def errors(tmp_path: Path) -> Path:
    return tmp_path / "errors"


@pytest.fixture
def start(server: ForkServer, errors: Path) -> Start:
    def one(code: str) -> Forked:
        with errors.open("ab") as file:
            return server.start(code, namespaces=False, errors=file.fileno())

    return one


def test_what_it_says_and_how_it_ends_comes_over(start: Start, errors: Path) -> None:
    code = "import sys; print('out'); sys.stderr.write('err'); code = 7"
    with start(code) as run:
        assert run.output.read() == b"out\n"
        assert run.wait() == 7
        assert run.wait() == 7
    assert errors.read_text() == "err"


def test_one_that_raises_says_what(start: Start, errors: Path) -> None:
    with start("raise RuntimeError('no room')") as run:
        assert (run.output.read(), run.wait()) == (b"", 1)
    assert errors.read_text().endswith("RuntimeError: no room\n")


def test_they_share_what_was_imported_and_nothing_else(
    start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COUNT_IMPORTS", str(tmp_path / "imports"))
    code = "import os, random; print(os.environ.pop('HOME', 'taken'), random.random())"
    with start(code) as first, start(code) as second:
        said = first.output.read().split(), second.output.read().split()
    assert said[0][0] == said[1][0] == os.environ["HOME"].encode()
    assert said[0][1] != said[1][1]
    assert (tmp_path / "imports").read_text() == "imported\n"


def test_a_signal_reaches_it(start: Start) -> None:
    wait = "import os, signal; print(os.getpid(), flush=True); signal.pause()"
    with start(wait) as run:
        os.kill(int(run.output.readline()), signal.SIGINT)
        assert run.wait() == 128 + signal.SIGINT
    with start(wait) as run:
        os.kill(int(run.output.readline()), signal.SIGTERM)
        assert run.wait() == 128 + signal.SIGTERM


def test_killed_it_takes_along_what_it_started(start: Start) -> None:
    with start(HANGS) as run:
        assert run.output.readline() == b"up\n"
        doomed = mine()
        run.kill()
        assert run.output.read() == b""
        assert run.wait() == 128 + signal.SIGKILL
    assert len(doomed) == 5  # server, launcher, init, run, sleep
    until(lambda: len(mine()) == 1)


def test_killed_as_it_begins_it_leaves_nothing(
    start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (scratch := tmp_path / "scratch").mkdir()
    monkeypatch.setenv("TMPDIR", str(scratch))
    for number in range(60):
        with start(HANGS):
            time.sleep(number / 3000)  # no condition to wait for: it is the moment that varies
    until(lambda: not list(scratch.iterdir()))  # an init whose launcher is gone is nobody's here


def test_left_it_ends_all_and_starts_no_more(errors: Path) -> None:
    with errors.open("wb") as file:
        with ForkServer(STANDIN) as server:
            run = server.start(HANGS, namespaces=False, errors=file.fileno())
            assert run.output.readline() == b"up\n"
        assert run.output.read() == b""
        assert run.wait() is None
        until(lambda: not mine())
        with pytest.raises(ServerClosedError):
            server.start(HANGS, namespaces=False, errors=file.fileno())
        with run:  # nothing is left to end
            pass


def test_a_killed_server_takes_its_runs_along_and_is_replaced(start: Start) -> None:
    with start(HANGS) as run:
        assert run.output.readline() == b"up\n"
        (pid,) = children()
        os.kill(pid, signal.SIGKILL)
        assert run.wait() is None
    with start("code = 3") as run:
        assert run.wait() == 3


def test_one_that_cannot_be_imported_is_a_run_that_ended_with_it(errors: Path) -> None:
    with (
        errors.open("wb") as file,
        ForkServer("no.such.module") as server,
        server.start("", namespaces=False, errors=file.fileno()) as run,
    ):
        assert (run.output.read(), run.wait()) == (b"", None)


def mine() -> list[int]:
    """What came of this process: in these tests, servers and their runs only."""
    return descendants(os.getpid())


def children() -> list[int]:
    return [entry.pid for entry in processes() if entry.parent == os.getpid()]


def until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + GONE_S
    while not true():
        assert time.monotonic() < deadline, f"still there after {GONE_S} s: {mine()}"
        time.sleep(0.01)
