"""What a load came to, judged: the file that Locust leaves, its table, its exit code."""

from __future__ import annotations

from pathlib import Path

import msgspec
from rich.console import Console
from rich.table import Table

from stallproof.exits import Exit
from stallproof.load.files import LoadError
from stallproof.load.measured import Measured
from stallproof.model import Finding, Verdict, worst


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


def exit_code(result: LoadResult) -> Exit:
    """0 all kept, 1 one was not, 3 nothing proven."""
    return {
        Verdict.VALID: Exit.VALID,
        Verdict.INVALID: Exit.VIOLATED,
        Verdict.UNKNOWN: Exit.INCONCLUSIVE,
    }[result.verdict]


def print_result(result: LoadResult) -> None:
    """A line for the generator, one for each threshold."""
    table = Table(title="Thresholds")
    for heading in ("", "verdict", "seen"):
        table.add_column(heading)
    for finding in result.findings:
        table.add_row(finding.checker, finding.verdict, finding.text)
    Console().print(table)
