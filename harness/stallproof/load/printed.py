"""What a load came to, for the terminal."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table

from stallproof.load.result import LoadResult


def print_result(result: LoadResult) -> None:
    """A line for the generator, one for each threshold."""
    table = Table(title="Thresholds")
    for heading in ("", "verdict", "seen"):
        table.add_column(heading)
    for finding in result.findings:
        table.add_row(finding.checker, finding.verdict, finding.text)
    Console().print(table)
