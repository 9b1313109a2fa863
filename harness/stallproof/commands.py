"""Runs another program to its end; when it fails, the last line that it said is the error.

version = output_of([path, "--version"], awaited="its version", timeout_s=10)
"""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path


class CommandError(Exception):
    """A program did not do what it was run for: one line that says why, mostly its own last one."""

    def __init__(self, *said: str) -> None:
        super().__init__(said[-1])
        self.said = said
        """All of its lines, empty ones left out, for programs whose last one is not enough."""


class TookTooLongError(CommandError):
    """It was still at work when its time was up, and has been killed."""


def output_of(
    argv: Sequence[str],
    *,
    awaited: str,
    timeout_s: float,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    stdin: str = "",
) -> str:
    """What it wrote to standard output.

    `awaited` completes the sentence "waited 10 s for ..."; `env` is this process's own if None.

    Raises:
        CommandError: it does not start, or its exit code is not 0.
        TookTooLongError: it did not end within `timeout_s`.
    """
    try:
        done = subprocess.run(
            argv,
            env=env,
            cwd=cwd,
            input=stdin.encode(),
            capture_output=True,
            timeout=timeout_s,
            check=False,
        )
    except OSError as error:
        raise CommandError(f"{argv[0]} does not start: {error.strerror}") from None
    except subprocess.TimeoutExpired as error:
        waited = f"waited {timeout_s:g} s for {awaited}"
        words = lines_of(error.stderr or b"") or lines_of(error.stdout or b"") or ["nothing"]
        raise TookTooLongError(f"{waited}; so far {argv[0]} has said: {words[-1]}") from None
    check_ended(done.returncode, out=done.stdout, err=done.stderr)
    return done.stdout.decode(errors="replace")


def check_ended(code: int, *, out: bytes, err: bytes) -> None:
    """That a program which ended like that did what it was run for.

    Raises:
        CommandError: with what it said on standard error, else on standard output.
    """
    if code != 0:
        raise CommandError(*(lines_of(err) or lines_of(out) or [f"it exited with {code}"]))


def lines_of(said: bytes) -> list[str]:
    """Its lines without those that are empty."""
    lines = (line.strip() for line in said.decode(errors="replace").splitlines())
    return [line for line in lines if line]
