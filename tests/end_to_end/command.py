"""Runs the installed `stallproof` as a user does: a process, its exit code, its two streams."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

STALLPROOF = Path(sys.executable).parent / "stallproof"
RUN_DEADLINE_S = 120.0
"""A handful of short runs on a machine that is busy otherwise."""

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
