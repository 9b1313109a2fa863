"""Kills one process of a `stallproof run` and says what is left: `python killer.py PLAN`.

Runs in an enclosure of its own, as process table, network and mounts go: whatever is there
afterwards and was not before was left by the run, whoever else is at work on this machine.
The answer is one JSON object on standard output.
"""

# ruff: noqa: T201 (its output is its result)

from __future__ import annotations

import json
import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import msgspec
from pyroute2 import IPRoute

from stallproof.forkserver import FORKED
from stallproof.sites.proctable import Entry, descendants, processes

END_S = 90.0
"""For a run of which one part was killed to end by itself, on a crowded machine."""
THERE_S = 30.0
"""For the command to start its first run, on a crowded machine."""
T = TypeVar("T")
LISTEN = "0A"
SERVER = "stallproof.forkserver"


class Plan(msgspec.Struct, kw_only=True):
    command: list[str]
    desk: str
    env: dict[str, str]
    victim: str
    """`outer`, `server`, `launcher`, `init` or `runner`."""
    after_s: float
    """How long the first of them has been there when it, or another of them, is killed."""
    gone_s: float = 4.0
    """How long what should go with it may take to go. Shorter than what a run still has to do."""
    draw: int
    """Which of several launchers, inits or runners: the seed of that choice."""


def main(plan: Plan) -> dict[str, Any]:
    with IPRoute() as network:
        network.link("set", index=socket.if_nametoindex("lo"), state="up")
    before = everything()
    with (Path(plan.desk).parent / "said").open("wb") as said:
        outer = subprocess.Popen(
            plan.command,
            cwd=plan.desk,
            env={**os.environ, **plan.env},
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=said,
        )
    wait_for(plan.victim, outer)
    time.sleep(plan.after_s)
    # A boundary between two runs has no launcher: then the next will do.
    wait_for(plan.victim, outer)
    victim = random.Random(plan.draw).choice(there(plan.victim, outer.pid))
    launcher = next((one for one in there("launcher", outer.pid) if victim in tree(one)), victim)
    doomed = tree(launcher)
    os.kill(victim, signal.SIGKILL)
    # At once, that is: not by and by, because their own work has come to its end.
    lingering = until_none(lambda: still_running(doomed), plan.gone_s)
    code = outer.wait(END_S)
    left = until_none(lambda: surplus(before), plan.gone_s)
    return {"code": code, "doomed": len(doomed), "lingering": lingering, "left": left}


def tree(root: int) -> list[int]:
    return [root, *descendants(root)]


def still_running(pids: list[int]) -> list[str]:
    alive = {entry.pid for entry in processes() if entry.state not in "ZX"}
    return [f"{pid} {' '.join(argv(pid))}" for pid in pids if pid in alive]


def until_none(look: Callable[[], T], timeout_s: float) -> T:
    """What is still seen when the time is over."""
    deadline = time.monotonic() + timeout_s
    while (seen := look()) and time.monotonic() < deadline:
        time.sleep(0.05)
    return seen


def wait_for(victim: str, outer: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + THERE_S
    while not there(victim, outer.pid):
        if outer.poll() is not None:
            raise RuntimeError(f"it ended with {outer.returncode} before there was a {victim}")
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited {THERE_S} s for a {victim}; there is only {outer.args!r}")
        time.sleep(0.002)


def there(victim: str, outer: int) -> list[int]:
    """Those of the runs; the probe for namespaces has a launcher and an init, too."""
    if victim == "outer":
        return [outer]
    table = list(processes())
    servers = [pid for pid in below([outer], table) if SERVER in argv(pid)]
    launchers = below(servers, table)
    inits = below(launchers, table)
    runners = below(inits, [entry for entry in table if entry.name == FORKED])
    return {"server": servers, "launcher": launchers, "init": inits, "runner": runners}[victim]


def below(parents: list[int], table: list[Entry]) -> list[int]:
    return [entry.pid for entry in table if entry.parent in parents and entry.state not in "ZX"]


def argv(pid: int) -> list[str]:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text(errors="replace").split("\0")
    except OSError:  # it has just ended
        return []


def everything() -> dict[str, list[str]]:
    """What a run could leave behind outside its folder, by kind."""
    pids = [entry.pid for entry in processes()]
    networks = set()
    for pid in pids:
        for task in Path(f"/proc/{pid}/task").glob("*/ns/net"):
            networks.add(link(task))
        networks |= {name for fd in Path(f"/proc/{pid}/fd").glob("*") if (name := network_of(fd))}
    return {
        "processes": [f"{pid} {' '.join(argv(pid))}" for pid in pids],
        "networks": sorted(networks - {""}),
        "listeners": listeners(),
        "mounts": Path("/proc/self/mounts").read_text().splitlines(),
        "interfaces": [name for _, name in socket.if_nameindex()],
    }


def network_of(fd: Path) -> str:
    name = link(fd)
    return name if name.startswith("net:[") else ""


def link(path: Path) -> str:
    try:
        return str(path.readlink())
    except OSError:  # closed, or its process has ended
        return ""


def listeners() -> list[str]:
    """Local addresses in LISTEN, as /proc/net writes them."""
    found = []
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == LISTEN:
                found.append(fields[1])
    return found


def surplus(before: dict[str, list[str]]) -> dict[str, list[str]]:
    """By kind, what is there and was not before; kinds without any are left out."""
    now = everything()
    more = {kind: [one for one in now[kind] if one not in before[kind]] for kind in now}
    return {kind: found for kind, found in more.items() if found}


if __name__ == "__main__":
    print(json.dumps(main(msgspec.json.decode(sys.argv[1], type=Plan))))
