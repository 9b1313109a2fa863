"""Load on a system that is deployed already: whose it is, how much, and Locust alone."""

from __future__ import annotations

import ipaddress
import socket
import subprocess
import urllib.parse
from collections.abc import Callable
from pathlib import Path

from stallproof.exits import Exit
from stallproof.load import lines
from stallproof.load.command import RESULT, LocustLoad, locust_command, locust_environment
from stallproof.load.files import LoadError
from stallproof.load.result import LoadResult, read_result
from stallproof.load.shapes import Shape
from stallproof.sites.base import SiteError
from stallproof.sites.namespaces import command_enclosed

FOREIGN_MOST_S = 1800.0
"""A load on another machine lasts no longer than this,"""
FOREIGN_MOST_PER_S = 500.0
"""and comes to no more stories a second."""
LOOK_S = 0.5
MARGIN_S = 180.0
"""A Locust that has not ended so long after its load and its drain limit is ended."""
JUDGED = (Exit.VALID, Exit.VIOLATED, Exit.INCONCLUSIVE)


def check_target(url: str, *, owned: bool, shape: Shape, with_token: bool) -> None:
    """Refuse what is no base URL, what is not ours, and what has no end.

    Raises:
        LoadError: one line saying what, and what would be right.
    """
    parts = urllib.parse.urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise LoadError(f"--target {url!r}: give the system's base URL, http:// or https://")
    if "@" in parts.netloc or parts.query or parts.fragment:
        # Not repeated: there may be a password in it.
        raise LoadError("--target: no user name, password, query or fragment; only the base URL")
    if _on_this_machine(parts.hostname):
        return
    if not owned:
        raise LoadError(
            f"--target {url}: {parts.hostname} is not this machine; "
            "say --i-own-this-target if it is yours to load"
        )
    if with_token and parts.scheme != "https":
        raise LoadError(f"--target {url}: an identity token travels over https:// only")
    if shape.for_s > FOREIGN_MOST_S or shape.peak_per_s > FOREIGN_MOST_PER_S:
        raise LoadError(
            f"--target {url}: {shape.peak_per_s:g} stories a second for {shape.for_s:g} s; "
            f"on another machine at most {FOREIGN_MOST_PER_S:g} a second for {FOREIGN_MOST_S:g} s"
        )


def _on_this_machine(host: str) -> bool:
    """Whether the name stands for loopback addresses only. One that nobody knows does not."""
    try:
        found = {entry[4][0] for entry in socket.getaddrinfo(host, None)}
    except OSError:
        return False
    return bool(found) and all(ipaddress.ip_address(str(ip)).is_loopback for ip in found)


def load_target(
    url: str, load: LocustLoad, *, folder: Path, on_progress: Callable[[int, int], None]
) -> LoadResult:
    """Run Locust against it; nothing of Locust outlives this process, however it ends.

    Raises:
        SiteError: Locust itself failed.
    """
    told, log = folder / "locust.jsonl", folder / "locust.log"
    command = locust_command(load, host=url.rstrip("/"), folder=folder, lines=told, go=None)
    with log.open("wb") as output:
        process = subprocess.Popen(
            command_enclosed(command, namespaces=False),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env=locust_environment(),
            cwd=folder,
        )
        try:
            code = _wait(process, load, told, on_progress)
        finally:
            process.kill()
            process.wait()
            told.unlink(missing_ok=True)
    if code not in JUDGED:
        said = log.read_text(errors="replace").strip().splitlines() or ["nothing"]
        raise SiteError(f"Locust ended with {code}: {said[-1]}")
    return read_result(folder / RESULT)


def _wait(
    process: subprocess.Popen[bytes],
    load: LocustLoad,
    told: Path,
    on_progress: Callable[[int, int], None],
) -> int:
    reader = lines.LineReader(told)
    accepted = done = waited_s = 0
    deadline_s = load.for_s + load.drain_limit_s + MARGIN_S
    while True:
        try:
            return process.wait(LOOK_S)
        except subprocess.TimeoutExpired:
            waited_s += 1
        for line in reader.read():
            if isinstance(line, lines.Sent) and line.type == "ok":
                accepted += line.f == "submit"
                done += line.f == "await"
        on_progress(accepted, done)
        if waited_s * LOOK_S > deadline_s:
            raise SiteError(
                f"Locust was to end within {deadline_s:g} s; it runs, {accepted} stories "
                f"accepted and {done} done"
            )
