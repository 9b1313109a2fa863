"""Every report says at which speed a compressed verdict was come to, and is silent otherwise."""

from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from rich.console import Console
from tests.report import samples

from stallproof.records import Results
from stallproof.report.html import html_report
from stallproof.report.junit import junit_report
from stallproof.report.markdown import markdown_report
from stallproof.report.table import summary

LABEL = "at 60 times speed"


def table(results: Results, _root: Path) -> str:
    console = Console(width=300)
    with console.capture() as captured:
        console.print(summary(results))
    return captured.get()


REPORTS: dict[str, Callable[[Results, Path], str]] = {
    "html": html_report,
    "markdown": lambda results, _root: markdown_report(results),
    "junit": lambda results, _root: junit_report(results),
    "table": table,
}


def compressed(results: Results) -> Results:
    replace = msgspec.structs.replace
    return replace(
        results,
        results=tuple(
            replace(result, runs=tuple(replace(run, speed=60.0) for run in result.runs))
            for result in results.results
        ),
    )


@pytest.mark.parametrize("report", REPORTS)
def test_it_says_so(report: str, tmp_path: Path) -> None:
    results = samples.everything(tmp_path)
    assert LABEL not in REPORTS[report](results, tmp_path)
    said = REPORTS[report](compressed(results), tmp_path)
    assert said.count(LABEL) >= sum(bool(result.runs) for result in results.results)
