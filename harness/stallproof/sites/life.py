"""What a process and a container have in common: one life, from its start to its end."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol


class Life(Protocol):
    """A process with everything it starts, or a container. Whatever ends it ends all of it."""

    @property
    def pid(self) -> int:
        """Of its first process, as this machine's kernel counts."""

    @property
    def running(self) -> bool: ...

    def signal(self, number: int) -> None:
        """Send a signal to its first process; nothing if it has ended."""

    def kill_tree(self) -> None:
        """SIGKILL all of it, at once; nothing if it has ended."""

    def wait(self, timeout_s: float) -> bool:
        """True once all of it is gone and its last line is in the log."""


OnExit = Callable[[int], None]
"""Called once with the exit code of its first process (negative: the signal that ended it)."""

Start = Callable[[OnExit], Life]
"""Starts one.

Raises:
    OSError: it cannot be started.
"""
