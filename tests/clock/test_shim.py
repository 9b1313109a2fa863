"""The library itself: what it refuses, what it tells, and that its absence is noticed."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from stallproof.clock import ArmedTimer, Clock, build, compiler, read_timers
from stallproof.sites.base import SiteError
from stallproof.sites.timekeeping import Pace

pytestmark = pytest.mark.real

ARM = """
import socket
with socket.socket() as tcp:
    for level, option, value in {options}:
        tcp.setsockopt(level, option, value)
"""


def under(clock: dict[str, str], code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, **clock},
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )


def test_kernel_timers_are_told_once_each_and_what_is_switched_off_is_not(tmp_path: Path) -> None:
    tcp, soc = socket.IPPROTO_TCP, socket.SOL_SOCKET
    options = [
        (soc, socket.SO_KEEPALIVE, 0),
        (soc, socket.SO_KEEPALIVE, 1),
        (tcp, socket.TCP_KEEPIDLE, 60),
        (tcp, socket.TCP_KEEPIDLE, 60),
        (tcp, socket.TCP_NODELAY, 1),
        (tcp, socket.TCP_USER_TIMEOUT, 5000),
    ]
    env = Clock.starting_now(10).env(shim=build.find_shim(), timers=str(tmp_path / "worker"))
    options_as_ints = [tuple(map(int, option)) for option in options]
    assert under(env, ARM.format(options=options_as_ints)).returncode == 0
    assert read_timers(tmp_path) == [
        ArmedTimer("worker", "SO_KEEPALIVE", 1),
        ArmedTimer("worker", "TCP_KEEPIDLE", 60),
        ArmedTimer("worker", "TCP_USER_TIMEOUT", 5000),
    ]
    assert len((tmp_path / "worker").read_text().splitlines()) == 3


def test_a_timer_that_cannot_be_told_of_ends_the_process(tmp_path: Path) -> None:
    env = Clock.starting_now(10).env(shim=build.find_shim(), timers=str(tmp_path / "no" / "file"))
    option = (int(socket.SOL_SOCKET), int(socket.SO_KEEPALIVE), 1)
    done = under(env, ARM.format(options=[option]))
    assert (done.returncode, done.stdout) == (127, "")
    assert "STALLPROOF_CLOCK_TIMERS cannot be written" in done.stderr


@pytest.mark.parametrize("clock", ["", "60", "0.5:1", "fast:1"])
def test_a_clock_that_cannot_be_read_ends_the_process(clock: str) -> None:
    done = under({"LD_PRELOAD": build.find_shim(), "STALLPROOF_CLOCK": clock}, "print(1)")
    assert done.returncode == 127
    assert "STALLPROOF_CLOCK is not speed:base" in done.stderr


def check_python(shim: str, folder: Path) -> None:
    pace = Pace(Clock.starting_now(60), shim=shim, folder=folder / "timers")
    pace.check_python(sys.executable)


def test_an_interpreter_that_follows_passes(tmp_path: Path) -> None:
    check_python(build.find_shim(), tmp_path)


def test_one_that_stays_in_real_time_is_found_out(tmp_path: Path) -> None:
    nothing = tmp_path / "not-a-library.so"
    nothing.touch()
    with pytest.raises(SiteError, match="does not follow the clock"):
        check_python(str(nothing), tmp_path)


def test_it_is_built_once_and_without_cc_by_zig_that_is_fetched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("ZIG_GLOBAL_CACHE_DIR", str(tmp_path / "zig"))
    monkeypatch.setenv("PATH", str(tmp_path / "no-compiler-here"))
    with pytest.raises(SiteError, match="zig not fetched yet"):
        compiler.find_compiler(fetch=False)
    shim = build.find_shim()
    built = Path(shim).stat().st_mtime_ns
    assert compiler.find_compiler(fetch=False)[0].startswith(str(tmp_path))
    assert build.find_shim() == shim
    assert Path(shim).stat().st_mtime_ns == built
    check_python(shim, tmp_path)


def test_a_compiler_that_cannot_be_fetched_is_one_line_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("UV_OFFLINE", "1")
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "uv"))
    with pytest.raises(SiteError, match=r"no C compiler: cc is not on PATH, and .*fetched: .+"):
        compiler.find_compiler()
    left = [path.name for path in (tmp_path / "stallproof").rglob("*") if path.is_file()]
    assert left == ["lock"]
