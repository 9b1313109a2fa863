"""What /proc says of processes, without a dependency: the enclosure starts in milliseconds."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import NamedTuple


class Entry(NamedTuple):
    """One line of the process table (`man 5 proc`, /proc/PID/stat)."""

    pid: int
    name: str
    """The program's, unless it has given itself another; 15 bytes at most."""
    state: str
    """`Z` and `X` have ended and only wait for somebody to take their status."""
    parent: int
    session: int


def processes() -> Iterator[Entry]:
    """Every process that /proc shows; those that end meanwhile are left out."""
    for name in os.listdir("/proc"):  # noqa: PTH208 (plain names, in a hot loop)
        if not name.isdigit():
            continue
        try:
            with open(f"/proc/{name}/stat", "rb") as file:  # noqa: PTH123 (likewise)
                # The command's name stands in parentheses and may contain anything.
                before, _, after = file.read().rpartition(b")")
        except (FileNotFoundError, ProcessLookupError):
            continue
        command = before.partition(b"(")[2].decode(errors="replace")
        state, parent, _group, session = after.split()[:4]
        yield Entry(int(name), command, state.decode(), int(parent), int(session))


def descendants(root: int) -> list[int]:
    """Children of `root`, their children, and so on."""
    children: dict[int, list[int]] = {}
    for entry in processes():
        children.setdefault(entry.parent, []).append(entry.pid)
    found: list[int] = []
    waiting = [root]
    while waiting:
        below = children.get(waiting.pop(), [])
        found += below
        waiting += below
    return found


def session_members(session: int) -> list[int]:
    """The processes of a session that are still running."""
    return [
        entry.pid for entry in processes() if entry.session == session and entry.state not in "ZX"
    ]
