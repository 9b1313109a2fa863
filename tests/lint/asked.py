"""Asks the linter about texts at hand."""

from __future__ import annotations

from pathlib import Path

from stallproof.lint.model import Report, Unreadable
from stallproof.lint.run import lint_sources
from stallproof.lint.sources import kind_of, sources_of

DATA = Path(__file__).parent / "data"
Files = dict[str, str]


def report_on(files: Files) -> Report:
    """The report on files of these names and texts."""
    found = []
    for name, text in files.items():
        kind = kind_of(Path(name), text)
        assert kind is not None, name
        found.extend(sources_of(name, kind, text))
    return lint_sources(found)


def told(files: Files) -> list[tuple[str, int, str]]:
    """File, line and rule of each finding; all of the files can be read."""
    report = report_on(files)
    assert not report.unreadable, report.unreadable
    return [(each.file, each.line, each.rule) for each in report.findings]


def refused(name: str, text: str) -> Unreadable:
    """What is said of the one file, which cannot be read."""
    report = report_on({name: text})
    (only,) = report.unreadable
    return only


def folder(name: str) -> Files:
    """The files of a folder of test data."""
    return {path.name: path.read_text() for path in sorted((DATA / name).iterdir())}
