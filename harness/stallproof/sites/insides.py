"""The services' processes as kernel and interpreter know them, as a capability of this machine."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec
from anyio import to_thread

from stallproof.sites import tcpsockets
from stallproof.sites.base import Address
from stallproof.sites.blocked import Blocked, blocked
from stallproof.sites.fleet import Fleet
from stallproof.sites.hosts import Host
from stallproof.sites.proctable import descendants
from stallproof.sites.pystacks import DEADLINE_S, PythonThread, StacksError, stacks
from stallproof.sites.seen import ProcessSeen, ThreadSeen

MOST_PROCESSES = 8
"""Of one service: each takes py-spy a moment."""
RESUMED_S = 0.25
"""How long a thread that waited may seem to run before it counts as having moved on."""
ALL_S = 6.0
"""For all of one service's; one that py-spy has no time left for goes without stacks."""


class LocalInsides:
    """`Insides`: through /proc, py-spy and the sock_diag of the service's host."""

    def __init__(self, instances: Mapping[str, Fleet], hosts: Mapping[Address, Host]) -> None:
        """`hosts`: where an instance lives that answers HTTP at that address."""
        self._instances = instances
        self._hosts = hosts

    async def processes(self, service: str) -> Sequence[ProcessSeen]:
        return await to_thread.run_sync(self._processes, service)

    async def sockets(self, service: str) -> Sequence[tcpsockets.TcpSocket]:
        return await to_thread.run_sync(self._sockets, service)

    def _sockets(self, service: str) -> Sequence[tcpsockets.TcpSocket]:
        hosts = dict.fromkeys(self._hosts[one.address] for one in self._instances[service].kept)
        return [found for host in hosts for found in host.run(tcpsockets.listing)]

    def _processes(self, service: str) -> Sequence[ProcessSeen]:
        firsts = [one.pid for one in self._instances[service].kept if one.pid is not None]
        # All of them as they are now, before py-spy halts the first.
        before = [
            (_unread(pid, n, f" of instance {number}" if len(firsts) > 1 else ""), _calls(pid))
            for number, first in enumerate(firsts, start=1)
            for n, pid in enumerate((first, *sorted(descendants(first))))
        ]
        ends = time.monotonic() + ALL_S
        return [_seen(*one, ends=ends) for one in before[:MOST_PROCESSES]]


def _unread(pid: int, n: int, of_which: str) -> ProcessSeen:
    """The process, its threads not read yet; `n`: 0 for the one that the site started."""
    role = f"{f'child {n}' if n else 'main process'}{of_which}"
    return ProcessSeen(pid=pid, role=role, first=n == 0, fds=_descriptors(pid), threads=())


def _seen(process: ProcessSeen, calls: Mapping[int, Blocked | None], *, ends: float) -> ProcessSeen:
    """With its threads, or with the reason why there are none."""
    left_s = max(0.0, ends - time.monotonic())
    try:
        found = stacks(process.pid, timeout_s=min(DEADLINE_S, left_s))
    except StacksError as error:
        return msgspec.structs.replace(process, problem=str(error))
    after = _calls_again(process.pid, calls)
    threads = tuple(_thread(process.pid, thread, calls, after) for thread in found)
    return msgspec.structs.replace(process, threads=threads)


def _thread(
    pid: int,
    thread: PythonThread,
    before: Mapping[int, Blocked | None],
    after: Mapping[int, Blocked | None],
) -> ThreadSeen:
    # A forked child's main thread may still bear the number that it had in its parent.
    tid = pid if thread.name == "MainThread" else thread.tid
    call = None if tid is None else before.get(tid)
    still = call if tid is not None and call and call.goes_on_in(after.get(tid)) else None
    return ThreadSeen(name=thread.name, tid=tid, frames=thread.frames, blocked=still)


def _calls_again(pid: int, before: Mapping[int, Blocked | None]) -> dict[int, Blocked | None]:
    """The same once those that waited do so again: who was halted first has to get a processor."""
    ends = time.monotonic() + RESUMED_S
    while True:
        calls = _calls(pid)
        awake = [tid for tid, call in before.items() if call and calls.get(tid) is None]
        if not awake or time.monotonic() > ends:
            return calls
        time.sleep(0.005)


def _calls(pid: int) -> dict[int, Blocked | None]:
    """By thread, the system call that it waits in; empty if that may not be looked at."""
    calls = {}
    with contextlib.suppress(OSError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            calls[int(task.name)] = blocked(pid, int(task.name))
    return calls


def _descriptors(pid: int) -> dict[int, str]:
    found = {}
    with contextlib.suppress(OSError):
        for entry in Path(f"/proc/{pid}/fd").iterdir():
            with contextlib.suppress(FileNotFoundError):  # closed meanwhile
                found[int(entry.name)] = str(entry.readlink())
    return found
