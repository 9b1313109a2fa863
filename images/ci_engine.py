"""Run a command with a Docker Engine that has the images, where that can be had.

    python -m images.ci_engine make test

An engine that answers is used and left alone. Where none does, and this is a CI job (CI=true) of
root's on Debian or its kin, Debian's is installed and started for the command alone. Else, or if
that fails, one line says what is left out, and the command runs without.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import FrameType
from typing import NoReturn

import psutil

from images import docker
from stallproof.commands import CommandError, output_of

PACKAGES = ("docker.io", "debootstrap", "docker-compose")
COMMAND_LINE_PACKAGE = "docker-cli"
"""Debian 13 and later have the command apart from the engine."""
INSTALL_TIMEOUT_S = 300.0
CLOSE_TIMEOUT_S = 120.0
END_TIMEOUT_S = 5.0
"""How long the command's processes have to end themselves, and the kernel to end them."""
_NO_STARTING = Path("/usr/sbin/policy-rc.d")
"""Debian's way to install a service without starting it: exit code 101."""


class NoEngineError(Exception):
    """No engine can be had here. `str()` is one line."""


def main(command: list[str]) -> int:
    """Answers the command's exit code; that of `python -m images` if an image cannot be had."""
    signal.signal(signal.SIGTERM, _end)
    with contextlib.ExitStack() as stack:
        try:
            env = stack.enter_context(engine())
        except NoEngineError as error:
            print(f"left out: the docker site, and the tests of the images: {error}", flush=True)
            return run(command, os.environ)
        failed = run([sys.executable, "-m", "images"], env)
        return failed or run(command, env)


def _end(number: int, _frame: FrameType | None) -> NoReturn:
    sys.exit(128 + number)  # through every `finally` above


@contextlib.contextmanager
def engine() -> Iterator[Mapping[str, str]]:
    """The environment in which an engine answers.

    Raises:
        NoEngineError: it cannot be had; why.
    """
    try:
        docker.engine_version()
    except docker.ImageError as error:
        if os.environ.get("CI") != "true":
            raise NoEngineError(f"no engine answers ({error})") from None
    else:
        yield os.environ
        return
    if shutil.which("dockerd") is None:
        install()
    with own_engine() as host:
        yield {**os.environ, "DOCKER_HOST": host}


def install() -> None:
    """Debian's packages, from its archives.

    Raises:
        NoEngineError: not root, no apt-get, or it fails.
    """
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        raise NoEngineError("no engine answers, and installing one needs root and apt-get")
    with services_stay_stopped():
        _apt("update")
        _apt("install", "--yes", "--no-install-recommends", *PACKAGES)
        if shutil.which("docker") is None:
            _apt("install", "--yes", "--no-install-recommends", COMMAND_LINE_PACKAGE)


@contextlib.contextmanager
def services_stay_stopped() -> Iterator[None]:
    """The engine that we start must be ours alone."""
    if _NO_STARTING.exists():
        yield
        return
    _NO_STARTING.write_text("#!/bin/sh\nexit 101\n")
    _NO_STARTING.chmod(0o755)
    try:
        yield
    finally:
        _NO_STARTING.unlink()


def _apt(*arguments: str) -> None:
    try:
        output_of(
            ["apt-get", "--quiet", *arguments],
            awaited="it to be done",
            timeout_s=INSTALL_TIMEOUT_S,
            env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"},
        )
    except CommandError as error:
        raise NoEngineError(f"apt-get {arguments[0]}: {error}") from None


@contextlib.contextmanager
def own_engine() -> Iterator[str]:
    """Its DOCKER_HOST. It ends with the context, and also when this process is killed.

    Raises:
        NoEngineError: it does not start.
    """
    with subprocess.Popen(
        [sys.executable, "-m", "images.own_engine"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,  # a Ctrl-C is for the command; the engine outlives it
    ) as keeper:
        assert keeper.stdin is not None
        assert keeper.stdout is not None
        try:
            word, _, rest = keeper.stdout.readline().strip().partition(" ")
            if word != "ready":
                raise NoEngineError(rest or "the engine's keeper ended without a word")
            yield rest
        finally:
            keeper.stdin.close()
            keeper.wait(CLOSE_TIMEOUT_S)


def run(command: list[str], env: Mapping[str, str]) -> int:
    """The command's exit code. Whatever is left of its session ends when this does.

    Were its grandchildren left to end by themselves, they would go on using the engine while that
    is taken away.
    """
    with subprocess.Popen(command, env=dict(env), start_new_session=True) as process:
        try:
            return process.wait()
        finally:
            end_session(process.pid)


def end_session(session: int) -> None:
    """SIGTERM to every process in it; SIGKILL to those that live on for `END_TIMEOUT_S`."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        deadline = time.monotonic() + END_TIMEOUT_S
        members = _members(session)
        for pid in members:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)
        while members and time.monotonic() < deadline:
            time.sleep(0.05)
            members = _members(session)
        if not members:
            return
    print(f"left behind: processes {', '.join(map(str, members))}", file=sys.stderr)


def _members(session: int) -> list[int]:
    """The living ones: a zombie waits for its parent only."""
    found = []
    for process in psutil.process_iter(["status"]):
        with contextlib.suppress(ProcessLookupError):
            if process.info["status"] != psutil.STATUS_ZOMBIE and os.getsid(process.pid) == session:
                found.append(process.pid)
    return found


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
