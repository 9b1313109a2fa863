"""What Locust's processes tell of each story while it goes: JSON lines in one file.

Each line is one `os.write` on an O_APPEND descriptor, so that lines of several processes never
mix. Moments are CLOCK_MONOTONIC's, which all processes of a machine share.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal

import msgspec


class Ready(msgspec.Struct, frozen=True, tag_field="line", tag="ready"):
    """A process has its share and waits for the word to go."""

    pid: int


class Sent(
    msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="line", tag="op"
):
    """An operation of a client; the fields are those of `stallproof.events.Op`."""

    f: Literal["submit", "await"]
    type: Literal["invoke", "ok", "fail", "info"]
    story: int
    monotonic_s: float
    story_id: str | None = None
    latency_s: float | None = None
    error: str | None = None
    late_s: float | None = None


class NotSent(msgspec.Struct, frozen=True, kw_only=True, tag_field="line", tag="not-sent"):
    """A client whose moment came while as many as the cap were under way."""

    story: int
    monotonic_s: float


AnyLine = Ready | Sent | NotSent


class LineWriter:
    """Appends to the file; with `path` None it keeps nothing."""

    def __init__(self, path: Path | None) -> None:
        self._encode = msgspec.json.Encoder().encode
        self._fd = None
        if path is not None:
            self._fd = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)

    def write(self, line: AnyLine) -> None:
        if self._fd is not None:
            os.write(self._fd, self._encode(line) + b"\n")


class LineReader:
    """Follows the file; a line not yet whole waits for its end."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._offset = 0
        self._decode = msgspec.json.Decoder(AnyLine).decode

    def read(self) -> list[AnyLine]:
        """The lines that have come since the last call."""
        if not self._path.exists():
            return []
        with self._path.open("rb") as file:
            file.seek(self._offset)
            whole, newline, _ = file.read().rpartition(b"\n")
        self._offset += len(whole) + len(newline)
        return [self._decode(line) for line in whole.splitlines()]
