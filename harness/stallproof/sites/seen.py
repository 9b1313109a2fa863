"""What a look into a service's processes shows: values."""

from __future__ import annotations

import msgspec

from stallproof.sites.blocked import Blocked
from stallproof.sites.pystacks import Frame


class ThreadSeen(msgspec.Struct, frozen=True, kw_only=True):
    """A thread's Python stack and the system call that it waits in."""

    name: str
    tid: int | None
    frames: tuple[Frame, ...]
    blocked: Blocked | None
    """None: it ran, moved on while it was looked at, or its number is not known."""


class ProcessSeen(msgspec.Struct, frozen=True, kw_only=True):
    """A process at one moment."""

    pid: int
    role: str
    """`main process`, `child 1`; with `of instance 2` where there are several instances."""
    first: bool
    """It is the one that the site started."""
    fds: dict[int, str]
    """What each descriptor is: `socket:[4711]`."""
    threads: tuple[ThreadSeen, ...]
    problem: str | None = None
    """Why its stacks are missing, in one line."""
