"""A report, or the rules, as lines for people and as values for `--json`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from stallproof.exits import Exit
from stallproof.lint.model import Report
from stallproof.lint.registry import ALL

EXPLANATIONS = ("why", "instead", "proof")


def exit_for_lint(report: Report) -> Exit:
    """2 if anything could not be read, else 1 if there is a finding, else 0."""
    if report.unreadable:
        return Exit.USAGE
    return Exit.VIOLATED if report.findings else Exit.VALID


def report_lines(report: Report) -> Iterator[str]:
    """Each finding as `file:line: what`, its explanation below it."""
    for finding in report.findings:
        yield f"{finding.file}:{finding.line}: {finding.what} [{finding.severity}: {finding.rule}]"
        yield from (f"    {name}: {getattr(finding, name)}" for name in EXPLANATIONS)
    found = len(report.findings)
    files = f"{report.files} file{'s' * (report.files != 1)}"
    unread = f", {len(report.unreadable)} not readable" if report.unreadable else ""
    yield f"{files}{unread}, {found or 'no'} finding{'s' * (found != 1)}"


def report_json(report: Report) -> dict[str, Any]:
    """The same as one object."""
    return {
        "findings": [
            {
                "file": finding.file,
                "line": finding.line,
                "rule": finding.rule,
                "severity": str(finding.severity),
                "what": finding.what,
                **{name: getattr(finding, name) for name in EXPLANATIONS},
            }
            for finding in report.findings
        ],
        "unreadable": [
            {"file": each.file, "line": each.line or None, "what": each.what}
            for each in report.unreadable
        ],
    }


def rules_lines() -> Iterator[str]:
    """Every rule: id, severity and title, its explanation below it."""
    for rule in ALL:
        yield f"{rule.id} ({rule.severity}): {rule.title}"
        yield from (f"    {name}: {getattr(rule, name)}" for name in EXPLANATIONS)


def rules_json() -> list[dict[str, str]]:
    """The same as one array."""
    return [
        {
            "id": rule.id,
            "severity": str(rule.severity),
            "title": rule.title,
            **{name: getattr(rule, name) for name in EXPLANATIONS},
        }
        for rule in ALL
    ]
