"""What a load came to, judged: the file that Locust leaves, its exit code."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import msgspec

from stallproof.checkers import withheld
from stallproof.exits import Exit
from stallproof.load.files import LoadError
from stallproof.load.measured import Measured
from stallproof.load.thresholds import COUNTED, checker_of
from stallproof.model import Verdict, worst
from stallproof.records import Finding


class LoadResult(msgspec.Struct, frozen=True, kw_only=True):
    """`load.json`."""

    measured: Measured
    findings: tuple[Finding, ...]

    @property
    def verdict(self) -> Verdict:
        return worst(finding.verdict for finding in self.findings)


def read_result(path: Path) -> LoadResult:
    """The result that Locust wrote.

    Raises:
        LoadError: it wrote none.
    """
    try:
        return msgspec.json.decode(path.read_bytes(), type=LoadResult)
    except (OSError, msgspec.MsgspecError) as error:
        raise LoadError(f"{path}: Locust left no result there: {error}") from None


def in_run(load: Iterable[Finding], run: Iterable[Finding]) -> tuple[Finding, ...]:
    """The load's findings beside those of the run it was part of.

    A machine too busy for the harness to keep up gives no verdict on what depends on time,
    whoever measured it.
    """
    kept_up = all(f.verdict is Verdict.VALID for f in run if f.checker == "observed")
    counted = {checker_of(name) for name in COUNTED}
    return tuple(f if kept_up or f.checker in counted else withheld(f) for f in load)


def exit_code(result: LoadResult) -> Exit:
    """0 all kept, 1 one was not, 3 nothing proven."""
    return {
        Verdict.VALID: Exit.VALID,
        Verdict.INVALID: Exit.VIOLATED,
        Verdict.UNKNOWN: Exit.INCONCLUSIVE,
    }[result.verdict]
