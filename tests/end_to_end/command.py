"""Runs the installed `stallproof` as a user does: a process, its exit code, its two streams."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from stallproof.sites.proctable import descendants

STALLPROOF = Path(sys.executable).parent / "stallproof"
RUN_DEADLINE_S = 120.0
"""A handful of short runs on a machine that is busy otherwise."""

URL = re.compile(rb"(?:REDIS_URL|RESULT_BACKEND_URL)=redis://:([^@\0]+)@")

TINY = '''
from stallproof import {imports}

@scenario({arguments})
def {name}() -> None:
    """{name} of a test

    On Cloud Run: somebody tests.
    The guide promises: nothing.
    Must hold: what the test says.
    """
'''


class Done(NamedTuple):
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The one JSON value that is all of standard output."""
        return json.loads(self.out)


def stallproof(
    *arguments: str, cwd: Path, env: dict[str, str] | None = None, timeout_s: float = RUN_DEADLINE_S
) -> Done:
    """Run it to its end.

    Raises:
        subprocess.TimeoutExpired: it did not end in time.
    """
    done = subprocess.run(
        [str(STALLPROOF), *arguments],
        cwd=cwd,
        env={**os.environ, **(env or {})},
        capture_output=True,
        text=True,
        timeout=timeout_s,
        stdin=subprocess.DEVNULL,
        check=False,
    )
    return Done(done.returncode, done.stdout, done.stderr)


def seen_running(*arguments: str, cwd: Path, streams: Path) -> tuple[Done, set[bytes]]:
    """Run it to its end, its streams going to files in `streams`.

    Answers the broker's passwords, too, as the services' own environments had them.
    """
    out, err = streams / "out", streams / "err"
    passwords: set[bytes] = set()
    with out.open("wb") as to_out, err.open("wb") as to_err:
        process = subprocess.Popen(
            [str(STALLPROOF), *arguments], cwd=cwd, stdout=to_out, stderr=to_err
        )
        deadline = time.monotonic() + RUN_DEADLINE_S
        while process.poll() is None:
            if time.monotonic() > deadline:
                process.kill()
                pytest.fail(f"waited {RUN_DEADLINE_S} s for the run to end: {err.read_text()}")
            for pid in descendants(process.pid):
                passwords.update(passwords_in(pid))
            time.sleep(0.1)
    return Done(process.returncode, out.read_text(), err.read_text()), passwords


def passwords_in(pid: int) -> list[bytes]:
    """Those of the URLs in the process's environment."""
    try:
        return URL.findall(Path(f"/proc/{pid}/environ").read_bytes())
    except OSError:  # it has ended, or is not ours to look into
        return []


def write_scenario(folder: Path, name: str, *, imports: str, arguments: str) -> None:
    """A file of one scenario; `folder` is made."""
    folder.mkdir(parents=True, exist_ok=True)
    text = TINY.format(name=name, imports=f"{imports}, scenario", arguments=arguments)
    (folder / f"{name}.py").write_text(text)


def broker_away(folder: Path, name: str, *, for_s: float, load_s: float, more: str = "") -> None:
    """One restart of the broker, a second into the load."""
    write_scenario(
        folder,
        name,
        imports="BrokerRestart, Expect, Limits, Verdict, Workload, at",
        arguments=f"schedule=[at(1, BrokerRestart(how='killed'), for_s={for_s})], "
        f"workload=Workload(for_s={load_s}){more}",
    )


def runs_of(document: Any) -> list[Any]:
    """All run records of a result's JSON."""
    return [run for result in document["results"] for run in result["runs"]]


def verdicts_of(run: Any) -> dict[str, str]:
    """Per checker, its verdict on one run."""
    return {finding["checker"]: finding["verdict"] for finding in run["findings"]}


def text_of(run: Any, checker: str) -> str:
    """What a checker said of one run."""
    (text,) = (f["text"] for f in run["findings"] if f["checker"] == checker)
    return str(text)


def files_in(folder: Path) -> set[str]:
    """Every file below it, by relative path."""
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
