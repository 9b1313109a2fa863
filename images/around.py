"""What an engine of our own changes outside its folder, and how that was before.

It is written down before the engine starts: whoever finds the folder without its keeper (everything
was killed at once, or the machine's power went) can still put all of it back.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import re
import shutil
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import psutil
from pyroute2 import IPRoute
from pyroute2.netlink.exceptions import NetlinkError

from images import firewall
from stallproof.sites import kernel_calls as kernel
from stallproof.sites.base import SiteError

BRIDGE = "docker0"
PREFIX = "stallproof-engine-"
END_TIMEOUT_S = 30.0
_ELSEWHERE = ("/etc/docker/key.json", "/etc/docker", "/run/docker", "/run/containerd")
"""Where an engine puts a key and empty folders, whatever it is told."""
_FORWARDING = Path("/proc/sys/net/ipv4/ip_forward")
_IN_STORE = re.compile(r"br-[0-9a-f]{12}")
"""A network's bridge has the first twelve digits of its id."""
_KEPT = "before.json"
_LOCK = "keeper.lock"


class LeftBehindError(Exception):
    """What an engine's end did not end. `str()` is one line."""


@dataclass(frozen=True)
class Before:
    """The machine without the engine."""

    policies: dict[str, str]
    forwarding: str
    missing: list[str]
    """Of the paths elsewhere, those that were not there."""

    @classmethod
    def now(cls) -> Before:
        missing = [path for path in _ELSEWHERE if not Path(path).exists()]
        return cls(firewall.forward_policies(), _FORWARDING.read_text(), missing)


@contextlib.contextmanager
def kept_folder() -> Iterator[Path]:
    """A folder for an engine, with what was before in it, locked for as long as its keeper lives.

    At the end nothing is left of it or of what was started with it.

    Raises:
        SiteError: another engine's network is here already: both would use the same names.
        LeftBehindError: something is left nevertheless.
    """
    if _interface(BRIDGE):
        raise SiteError(f"an engine that does not answer left or keeps the bridge {BRIDGE}")
    folder = Path(tempfile.mkdtemp(prefix=PREFIX))
    (folder / _KEPT).write_text(json.dumps(asdict(Before.now())))
    with (folder / _LOCK).open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        try:
            yield folder
        finally:
            take_away(folder)


def sweep() -> None:
    """Take away every engine whose keeper is no more.

    Raises:
        LeftBehindError: something of them is left nevertheless; all has been tried.
    """
    left: list[str] = []
    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        with contextlib.ExitStack() as stack:
            try:
                lock = stack.enter_context((folder / _LOCK).open())
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                continue  # its keeper lives, or it is another user's
            try:
                take_away(folder)
            except LeftBehindError as error:
                left.append(str(error))
    if left:
        raise LeftBehindError("; ".join(left))


def take_away(folder: Path) -> None:
    """End what was started with the folder, and undo all that it made.

    Raises:
        LeftBehindError: what could not be, and why; the folder tells the next sweep.
    """
    try:
        if left := _end_processes_of(folder):
            raise LeftBehindError(f"{folder}: {', '.join(left)}")
        bridges = _bridges(folder)
        for mount in _mounts_below(folder):
            kernel.unmount(mount)
        if (folder / _KEPT).exists():  # else all but the folder had been taken away before
            _put_back(Before(**json.loads((folder / _KEPT).read_text())), bridges)
        for path in folder.iterdir():
            if path.is_dir():
                shutil.rmtree(path)
        (folder / _KEPT).unlink(missing_ok=True)
        shutil.rmtree(folder)
    except (OSError, ValueError, NetlinkError) as error:
        raise LeftBehindError(f"{folder}: {error}") from error


def _put_back(before: Before, bridges: Sequence[str]) -> None:
    with IPRoute() as network:
        for name in bridges:
            for index in network.link_lookup(ifname=name):
                network.link("del", index=index)
            firewall.remove_engine(before.policies, bridge=name)
    if _FORWARDING.read_text() != before.forwarding:
        _FORWARDING.write_text(before.forwarding)
    for path in map(Path, before.missing):
        _remove_empty(path)


def _remove_empty(path: Path) -> None:
    """The key, or a folder without a file in it: what holds more is somebody else's by now."""
    if path.is_file():
        path.unlink()
    elif path.is_dir() and not any(each.is_file() for each in path.rglob("*")):
        shutil.rmtree(path)


def _interface(name: str) -> bool:
    """Whether this network namespace has it."""
    with IPRoute() as network:
        return bool(network.link_lookup(ifname=name))


def _mounts_below(folder: Path) -> list[str]:
    """Mount points in it, the innermost first."""
    lines = Path("/proc/self/mountinfo").read_text().splitlines()
    points = [line.split()[4].encode().decode("unicode_escape") for line in lines]
    return sorted((p for p in points if Path(p).is_relative_to(folder)), key=len, reverse=True)


def _end_processes_of(folder: Path) -> list[str]:
    """Kill every process that was started with something in that folder; what would not die."""
    deadline = time.monotonic() + END_TIMEOUT_S
    while (alive := _processes_of(folder)) and time.monotonic() < deadline:
        for process in alive:
            with contextlib.suppress(psutil.Error):
                process.kill()
        psutil.wait_procs(alive, timeout=1.0)
    return [f"process {process.pid} ({process.name()})" for process in alive]


def _processes_of(folder: Path) -> list[Any]:
    """The engine, its containerd and shims, and what runs in its containers."""
    containers = folder / "data" / "containers"
    marks = [folder.name]
    if containers.is_dir():
        marks += [container.name for container in containers.iterdir()]
    found = []
    for process in psutil.process_iter(["cmdline", "status"]):
        with contextlib.suppress(OSError):  # it has ended meanwhile
            groups = Path(f"/proc/{process.pid}/cgroup").read_text()
            about = " ".join([*(process.info["cmdline"] or []), groups])
            alive = process.info["status"] != psutil.STATUS_ZOMBIE
            if alive and any(mark in about for mark in marks):
                found.append(process)
    return found


def _bridges(folder: Path) -> list[str]:
    """The engine's own, and those of the networks in its store that are still here."""
    store = folder / "data/network/files/local-kv.db"
    known = store.read_bytes() if store.exists() else b""
    with IPRoute() as network:
        here = [link.get("ifname") for link in network.get_links()]
    return [
        BRIDGE,
        *(name for name in here if _IN_STORE.fullmatch(name) and name[3:].encode() in known),
    ]
