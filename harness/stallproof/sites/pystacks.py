"""The Python stacks of a process, by py-spy: from outside, without its doing anything for it.

Values of variables are never asked for: they hold secrets.
"""

from __future__ import annotations

import re
import shutil
import sys
from pathlib import Path
from typing import Any

import msgspec

from stallproof.commands import CommandError, TookTooLongError, output_of

DEADLINE_S = 3.0
"""Of one question to it. 0.1 s is usual; a machine that is busy otherwise takes longer."""
TRIES = 3
"""Of reading it without halting it."""
_SITE = re.compile(r".*/(?:site|dist)-packages/")
_STDLIB = re.compile(r".*/lib/python[^/]*/|<frozen ")


class Frame(msgspec.Struct, frozen=True):
    """A line of code in which a call stands."""

    file: str
    """Relative to where Python found it: `redis/connection.py`."""
    line: int
    function: str
    stdlib: bool
    """It belongs to Python itself."""

    @property
    def package(self) -> str:
        return self.file.partition("/")[0]

    def __str__(self) -> str:
        return f"{self.file}:{self.line} {self.function}"


class PythonThread(msgspec.Struct, frozen=True):
    """One thread of an interpreter."""

    name: str
    tid: int | None
    """The kernel's number for it; None where this Python does not tell."""
    frames: tuple[Frame, ...]
    """The innermost first."""


class StacksError(Exception):
    """They cannot be had: one line, with what py-spy said."""


def find_pyspy() -> str | None:
    """The program's path; None: it is not installed."""
    beside = Path(sys.executable).parent / "py-spy"
    return str(beside) if beside.exists() else shutil.which("py-spy")


def stacks(pid: int, *, timeout_s: float = DEADLINE_S) -> list[PythonThread]:
    """Every Python thread of the process.

    Read without halting it, which would interrupt the very system call that it waits in. A process
    so busy that its memory cannot be read like that, in a few tries, is halted for milliseconds.

    Raises:
        StacksError: no py-spy, no permission, no Python process, or no answer in time.
    """
    program = find_pyspy()
    if program is None:
        raise StacksError("py-spy is not installed")
    command = [program, "dump", "--json", "--pid", str(pid)]
    for halting in [["--nonblocking"]] * TRIES + [[]]:
        try:
            said = output_of([*command, *halting], awaited="its answer", timeout_s=timeout_s)
            break
        except TookTooLongError as error:
            raise StacksError(f"py-spy: {error}") from None
        except CommandError as error:
            refused = error
    else:
        raise StacksError(f"py-spy: {refused}")
    try:
        return [_thread(thread) for thread in msgspec.json.decode(said)]
    except (msgspec.DecodeError, KeyError, TypeError) as error:
        raise StacksError(f"py-spy's answer is not what its version 0.4 gives: {error}") from None


def _thread(thread: dict[str, Any]) -> PythonThread:
    frames = tuple(
        Frame(
            file=_SITE.sub("", frame.get("short_filename") or frame["filename"]),
            line=frame["line"],
            function=frame["name"],
            stdlib=not _SITE.match(frame["filename"]) and bool(_STDLIB.match(frame["filename"])),
        )
        for frame in thread["frames"]
    )
    return PythonThread(thread["thread_name"] or "unnamed", thread["os_thread_id"], frames)
