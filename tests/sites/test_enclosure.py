"""What an enclosure promises: an exit status, signals, and that nothing outlives a SIGKILL."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import random
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from stallproof.sites.namespaces import command_enclosed
from stallproof.sites.proctable import descendants, processes

from .conftest import inner_argv

pytestmark = pytest.mark.real

GONE_TIMEOUT_S = 5.0
UP_TIMEOUT_S = 60.0
"""A start takes what the machine's load lets it take; only the end is held to be quick."""

OUTER = """
import json, subprocess, sys
from stallproof.sites.namespaces import command_enclosed
namespaces, *argv = json.loads(sys.argv[1])
subprocess.run(command_enclosed(argv, namespaces=namespaces))
"""


def test_the_status_is_the_commands(namespaces: bool) -> None:  # noqa: FBT001
    for script, expected in (("exit 7", 7), ("kill -9 $$", 128 + 9)):
        argv = command_enclosed(["sh", "-c", script], namespaces=namespaces)
        assert subprocess.run(argv, timeout=20, check=False).returncode == expected


def test_what_the_command_leaves_behind_dies_with_it(
    namespaces: bool,  # noqa: FBT001
    tmp_path: Path,
) -> None:
    # A daemon: forked twice, in a session of its own, nobody's child.
    script = f"setsid sh -c 'echo up > {tmp_path}/up; exec sleep 1000' & "
    script += f"while ! [ -s {tmp_path}/up ]; do :; done"
    argv = command_enclosed(["sh", "-c", script, str(tmp_path)], namespaces=namespaces)
    env = {**os.environ, "MARK": str(tmp_path)}  # `sleep 1000` alone may be another test's
    assert subprocess.run(argv, env=env, timeout=20, check=False).returncode == 0
    assert not running(str(tmp_path))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_reaches_the_command(
    namespaces: bool,  # noqa: FBT001
    number: signal.Signals,
    tmp_path: Path,
) -> None:
    script = f"""
import pathlib, signal, sys
signal.pthread_sigmask(signal.SIG_BLOCK, [{int(number)}])  # held, however early it comes
pathlib.Path({str(tmp_path / "up")!r}).touch()
signal.sigwait([{int(number)}])
sys.exit(42)
"""
    argv = command_enclosed([sys.executable, "-c", script], namespaces=namespaces)
    with subprocess.Popen(argv) as launcher:
        try:
            wait_for((tmp_path / "up").exists, "the command to be up", UP_TIMEOUT_S)
            launcher.send_signal(number)
            assert launcher.wait(timeout=10) == 42
        finally:
            launcher.kill()


def test_a_launcher_that_is_nobodys_child_gives_up(namespaces: bool) -> None:  # noqa: FBT001
    argv = command_enclosed(["true"], namespaces=namespaces)
    argv[argv.index(str(os.getpid()))] = "1"
    done = subprocess.run(argv, capture_output=True, text=True, timeout=20, check=False)
    assert done.returncode == 125
    assert done.stderr.startswith("stallproof: cannot enclose: ")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("victim", ["outer", "launcher", "init", "runner"])
@pytest.mark.parametrize("moment", ["up", "any"])
def test_one_sigkill_at_any_moment_ends_everything(
    namespaces: bool,  # noqa: FBT001
    tmp_path: Path,
    victim: str,
    moment: str,
) -> None:
    # When the system is up, or at any moment of the boot or after; end_to_end/test_killed.py draws
    # many more such moments.
    when_up = moment == "up"
    delay_s = UP_TIMEOUT_S if when_up else random.uniform(0, 2.0)
    run_dir, scratch_home = tmp_path / "run", tmp_path / "tmp"
    run_dir.mkdir()
    scratch_home.mkdir()
    inner = inner_argv("wait_to_be_killed", run_dir, namespaces=namespaces, route="proxied")
    argument = json.dumps([namespaces, *inner])
    outer = subprocess.Popen(
        [sys.executable, "-c", OUTER, argument],
        env={**os.environ, "TMPDIR": str(scratch_home), "MARK": str(tmp_path)},
        stdout=subprocess.DEVNULL,
    )
    seen: set[int] = {outer.pid}
    deadline = time.monotonic() + delay_s
    while time.monotonic() < deadline and not (when_up and is_up(run_dir)):
        seen.update(descendants(outer.pid))
        time.sleep(0.02)
    assert not when_up or is_up(run_dir), f"waited {delay_s} s for the second worker's first line"
    os.kill(chain(outer.pid)[victim], signal.SIGKILL)
    outer.wait(GONE_TIMEOUT_S)

    wait_for(lambda: not running(str(tmp_path), among=seen), "every process to be gone")
    assert str(tmp_path) not in Path("/proc/self/mounts").read_text()
    left = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()}
    assert all(re.fullmatch(r"run/(history\.jsonl|logs/[\w.]+\.log)", name) for name in left), left
    assert not list(scratch_home.iterdir())
    # On loopback the addresses are the machine's own, and must be free again.
    log = run_dir / "logs" / "toxiproxy.log"
    addresses = re.findall(r"(127(?:\.\d+){3}):(\d+)", log.read_text() if log.exists() else "")
    assert addresses or namespaces or not when_up
    for host, port in addresses:
        with socket.socket() as probe:
            assert probe.connect_ex((host, int(port))) == errno.ECONNREFUSED


@pytest.mark.parametrize("victim", ["outer", "runner"])
def test_who_is_frozen_dies_with_the_rest(
    namespaces: bool,  # noqa: FBT001
    tmp_path: Path,
    victim: str,
) -> None:
    inner = inner_argv("wait_to_be_killed_frozen", tmp_path, namespaces=namespaces)
    outer = subprocess.Popen(
        [sys.executable, "-c", OUTER, json.dumps([namespaces, *inner])],
        env={**os.environ, "MARK": str(tmp_path)},
        stdout=subprocess.PIPE,
    )
    with outer:
        assert outer.stdout is not None
        assert json.loads(outer.stdout.readline()) == {"up": True}
        seen = set(descendants(outer.pid))
        stopped = {entry.pid for entry in processes() if entry.state == "T"} & seen
        assert len(stopped) == 4  # two services, each with a child
        os.kill(chain(outer.pid)[victim], signal.SIGKILL)
        outer.wait(GONE_TIMEOUT_S)
        wait_for(lambda: not running(str(tmp_path), among=seen), "every process to be gone")


def is_up(run_dir: Path) -> bool:
    log = run_dir / "logs" / "worker.2.log"
    return log.exists() and "REDIS_URL" in log.read_text()


def chain(outer: int) -> dict[str, int]:
    """The four of them; one that is not there yet is stood for by the last that is."""
    found = {"outer": outer}
    last = outer
    for name in ("launcher", "init", "runner"):
        below = [entry.pid for entry in processes() if entry.parent == last]
        last = below[0] if below else last
        found[name] = last
    return found


def running(mark: str, *, among: set[int] = frozenset()) -> set[int]:  # type: ignore[assignment]
    """Processes that were seen in the run, or bear its mark, and have not ended."""
    found = set()
    for entry in processes():
        if entry.state in "ZX":
            continue
        if entry.pid in among or mark in words(entry.pid):
            found.add(entry.pid)
    return found - {os.getpid()}


def words(pid: int) -> str:
    """Command line, environment and working directory of a process."""
    text = ""
    with contextlib.suppress(OSError):
        text += Path(f"/proc/{pid}/cmdline").read_text(errors="replace")
        text += Path(f"/proc/{pid}/environ").read_text(errors="replace")
        text += str(Path(f"/proc/{pid}/cwd").readlink())
    return text


def wait_for(check: Callable[[], bool], awaited: str, timeout_s: float = GONE_TIMEOUT_S) -> None:
    deadline = time.monotonic() + timeout_s
    while not check():
        assert time.monotonic() < deadline, f"waited {timeout_s} s for {awaited}"
        time.sleep(0.01)
