"""The history: an append-only record of everything that was done and seen (`events.py`).

One JSON object a line, written as it happens, so a crash keeps what came before.

    recorder.add(Health(t=recorder.now(), service="worker", status=200, latency_s=0.002))
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import msgspec

from stallproof.clock import REAL, Clock
from stallproof.events import AnyEvent, Event

E = TypeVar("E", bound=Event)


class Recorder:
    """Appends events to a file, thread-safe, each line whole and flushed at once."""

    def __init__(self, path: Path, *, clock: Clock = REAL) -> None:
        self.clock = clock
        self.started_at = clock.now()
        """The clock's reading at t = 0: subtract it from a monotonic time to get `t`."""
        self._file = path.open("ab", buffering=0)
        self._lock = threading.Lock()
        self._encode = msgspec.json.Encoder().encode
        self._watchers: list[Callable[[AnyEvent], None]] = []

    def now(self) -> float:
        """Seconds of system time since the run's clock started."""
        return self.clock.now() - self.started_at

    def add(self, event: AnyEvent) -> None:
        """Write one event. It is on its way to the disk when this returns."""
        line = self._encode(event) + b"\n"
        with self._lock:
            self._file.write(line)
        for watch in self._watchers:
            watch(event)

    def watch(self, watcher: Callable[[AnyEvent], None]) -> None:
        """Call `watcher` with every later event, in the thread that adds it."""
        self._watchers.append(watcher)

    def close(self) -> None:
        self._file.close()


class History:
    """A whole run's events in order of time. Checkers and reports read this and nothing else."""

    def __init__(self, events: list[AnyEvent]) -> None:
        self.events = sorted(events, key=lambda event: event.t)

    @classmethod
    def read(cls, path: Path) -> History:
        """Read a history file; a last line cut short by a crash is left out.

        Raises:
            HistoryError: a line other than the last is not an event.
        """
        lines = path.read_bytes().split(b"\n")
        decode = msgspec.json.Decoder(AnyEvent).decode
        events: list[AnyEvent] = []
        for number, line in enumerate(lines, start=1):
            if not line:
                continue
            try:
                events.append(decode(line))
            except msgspec.MsgspecError as error:
                if number == len(lines):
                    break
                raise HistoryError(f"{path}:{number}: not an event: {error}") from error
        return cls(events)

    def of(self, kind: type[E]) -> Iterator[E]:
        """The events of one kind, in order of time."""
        return (event for event in self.events if isinstance(event, kind))

    @property
    def end_t(self) -> float:
        """When the last event was written."""
        return self.events[-1].t if self.events else 0.0


class HistoryError(ValueError):
    """A history file cannot be read: one line saying where and why."""
