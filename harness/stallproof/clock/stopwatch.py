"""Times a wait in both times, from inside the process that waits."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

import msgspec


class Mark(msgspec.Struct, frozen=True, kw_only=True):
    """A line from the process that waits."""

    wait: str
    seen_s: float | None = None
    """None: it begins. Else it has ended, and so much system time had passed."""
    real_s: float = 0.0
    """And so much real time, to a hundredth of a second."""


class Stopwatch:
    """Times one `with` block, once: what a wait needs beforehand is not part of it."""

    def __init__(self, wait: str) -> None:
        self._wait = wait
        self._begun = self._really_begun = 0.0

    def __enter__(self) -> Self:
        self._say(Mark(wait=self._wait))
        self._really_begun = _uptime_s()
        self._begun = time.monotonic()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        seen_s = time.monotonic() - self._begun
        real_s = _uptime_s() - self._really_begun
        self._say(Mark(wait=self._wait, seen_s=seen_s, real_s=real_s))

    def _say(self, mark: Mark) -> None:
        sys.stdout.buffer.write(msgspec.json.encode(mark) + b"\n")
        sys.stdout.buffer.flush()


def _uptime_s() -> float:
    """Real time as a file tells it: no library stands in between."""
    return float(Path("/proc/uptime").read_text().split()[0])


class Wait(NamedTuple):
    """One way of waiting."""

    name: str
    run: Callable[[int, Stopwatch], None]
    """Waits for so many seconds, within the stopwatch."""
    grain_s: float
    """It looks at the clock only so often, by its own doing: so much later it may end."""


WAITS: dict[str, Wait] = {}


def wait(name: str, *, grain_s: float = 0.0) -> Callable[[Callable[[int, Stopwatch], None]], None]:
    """Enter a function in the table of waits."""

    def enter(function: Callable[[int, Stopwatch], None]) -> None:
        WAITS[name] = Wait(name, function, grain_s)

    return enter
