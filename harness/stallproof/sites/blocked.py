"""In which system call a thread waits, and for which descriptors, as /proc tells.

It takes the right to trace the process: the same user, and in namespaces of its own its root.
Source: proc(5), /proc/PID/task/TID/syscall and /proc/PID/fdinfo; the numbers of the calls:
asm/unistd.h of each architecture.
"""

from __future__ import annotations

import os
import platform
import re
import struct
from pathlib import Path

import msgspec

_OF_DESCRIPTOR = ("read", "write", "connect", "sendto", "recvfrom", "sendmsg", "recvmsg")
"""Their first argument is the descriptor."""
_CALLS = {
    "x86_64": {
        0: "read",
        1: "write",
        7: "poll",
        42: "connect",
        44: "sendto",
        45: "recvfrom",
        46: "sendmsg",
        47: "recvmsg",
        202: "futex",
        219: "restart_syscall",
        232: "epoll_wait",
        271: "ppoll",
        281: "epoll_pwait",
    },
    "aarch64": {
        22: "epoll_pwait",
        63: "read",
        64: "write",
        73: "ppoll",
        98: "futex",
        128: "restart_syscall",
        203: "connect",
        206: "sendto",
        207: "recvfrom",
        211: "sendmsg",
        212: "recvmsg",
    },
}
_POLLFD = struct.Struct("=ihh")
_MOST_POLLED = 256


class Blocked(msgspec.Struct, frozen=True):
    """A system call that has not returned."""

    call: str
    """`recvfrom`; `call 219` where it is none of those known here."""
    fds: tuple[int, ...]
    """The descriptors of which it waits for any; empty, it waits for none or they are not known."""
    arguments: tuple[int, ...] = ()
    """The first three, as the kernel has them."""

    def goes_on_in(self, later: Blocked | None) -> bool:
        """Whether what was seen later is the same wait still.

        Who was halted meanwhile resumes a call that has a deadline as `restart_syscall`.
        """
        if later is None:
            return False
        if later.call == "restart_syscall":
            return later.arguments == self.arguments
        return (later.call, later.fds) == (self.call, self.fds)


def blocked(pid: int, tid: int) -> Blocked | None:
    """Where the thread waits; None: it runs.

    Raises:
        OSError: the process has gone, or may not be looked into.
    """
    registers = Path(f"/proc/{pid}/task/{tid}/syscall").read_text().strip()
    if registers == "running":
        return None
    number, *arguments = registers.split()
    name = _CALLS.get(platform.machine(), {}).get(int(number), f"call {number}")
    values = [int(argument, 16) for argument in arguments]
    return Blocked(name, _descriptors(pid, name, values), tuple(values[:3]))


def _descriptors(pid: int, name: str, values: list[int]) -> tuple[int, ...]:
    if name in _OF_DESCRIPTOR:
        return (values[0],)
    if name in ("poll", "ppoll"):
        return _polled(pid, values[0], values[1])
    if name in ("epoll_wait", "epoll_pwait"):
        info = Path(f"/proc/{pid}/fdinfo/{values[0]}").read_text()
        return tuple(int(fd) for fd in re.findall(r"^tfd:\s*(\d+)", info, re.MULTILINE))
    return ()


def _polled(pid: int, address: int, n: int) -> tuple[int, ...]:
    """The descriptors of an array of `struct pollfd` in the process's memory."""
    memory = os.open(f"/proc/{pid}/mem", os.O_RDONLY)
    try:
        array = os.pread(memory, _POLLFD.size * min(n, _MOST_POLLED), address)
    finally:
        os.close(memory)
    return tuple(fd for fd, _events, _revents in _POLLFD.iter_unpack(array))
