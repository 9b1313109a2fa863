"""Writes what a process says to its log file, and what matters of it to the history."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from stallproof.events import Log
from stallproof.history import Recorder
from stallproof.sites.logwatch import What, classify

LINE_BYTES = 16 * 1024
"""A longer line is cut."""
_CUT_BYTES = 256
"""Also dropped from a line that was cut: a secret cut in two would escape redaction."""
MAX_EVENTS = 500
"""Lines of one service that go to the history; a log storm must not bury the rest of it."""


class ServiceLog:
    """`<run_dir>/logs/<service>.log`: each line redacted, after the run's time in seconds.

    Of several instances the n-th (`number`) has `<service>.<n>.log`.
    Services are known to the history (`watched`); of broker and proxy only the file is kept.
    """

    def __init__(
        self,
        folder: Path,
        *,
        service: str,
        number: int = 1,
        recorder: Recorder,
        redact: Callable[[str], str],
        watched: bool,
    ) -> None:
        self._service = service
        self._instance = ""
        self._recorder = recorder
        self._redact = redact
        self._watched = watched
        self._events = 0
        name = service if number == 1 else f"{service}.{number}"
        self._file = (folder / f"{name}.log").open("ab", buffering=0)
        self.last_line = ""
        """The last line that was not empty, redacted: what a failure to start says."""

    def begin(self, instance: str) -> None:
        """From now on it is this instance that speaks."""
        self._instance = instance
        self._file.write(f"{self._recorder.now():12.6f} site: {instance} starts\n".encode())

    def drain(self, pipe: BinaryIO) -> None:
        """Take lines until the other end is closed."""
        while raw := pipe.readline(LINE_BYTES):
            whole = raw.endswith(b"\n") or len(raw) < LINE_BYTES
            while not whole and (rest := pipe.readline(LINE_BYTES)):
                whole = rest.endswith(b"\n")
            if len(raw) == LINE_BYTES and not raw.endswith(b"\n"):
                raw = raw[:-_CUT_BYTES] + b" [cut]"
            self._line(raw.decode(errors="replace").rstrip())

    def _line(self, raw: str) -> None:
        t = self._recorder.now()
        line = self._redact(raw)
        self._file.write(f"{t:12.6f} {line}\n".encode())
        if line:
            self.last_line = line
        what = classify(line) if self._watched else None
        if what is None:
            return
        self._events += 1
        if self._events <= MAX_EVENTS:
            self._add(t, what, line)
        elif self._events == MAX_EVENTS + 1:
            self.note("warning", f"{MAX_EVENTS} lines kept, later ones only in the log file")

    def note(self, what: What, line: str) -> None:
        """Something the site itself has to say of the service."""
        t = self._recorder.now()
        line = self._redact(f"site: {line}")
        self._file.write(f"{t:12.6f} {line}\n".encode())
        self._add(t, what, line)

    def _add(self, t: float, what: What, line: str) -> None:
        self._recorder.add(
            Log(t=t, service=self._service, instance=self._instance, what=what, line=line)
        )

    def note_exit(self, code: int) -> None:
        """The process ended, and nobody had asked it to."""
        self.note("error", f"exited by itself: {code}")

    def close(self) -> None:
        self._file.close()
