"""`stallproof lint`."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import typer

from stallproof.lint.output import (
    exit_for_lint,
    report_json,
    report_lines,
    rules_json,
    rules_lines,
)
from stallproof.lint.run import lint as name_traps


def lint(
    paths: Annotated[
        list[Path] | None,
        typer.Argument(help="cloudbuild.yaml, Dockerfile, Python, shell, requirements, Markdown."),
    ] = None,
    *,
    command: Annotated[
        list[str] | None, typer.Option(help="A command line, such as the worker's, in quotes.")
    ] = None,
    rules: Annotated[bool, typer.Option("--rules", help="Print the rules.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON value on stdout.")] = False,
) -> None:
    """Name the known traps in a deployment's files, without running anything."""
    if rules:
        _print_json(rules_json()) if as_json else _print_lines(rules_lines())
        return
    report = name_traps(paths or [], commands=command or [])
    _print_json(report_json(report)) if as_json else _print_lines(report_lines(report))
    for each in report.unreadable:
        sys.stderr.write(f"stallproof: {each}\n")
    raise typer.Exit(exit_for_lint(report))


def _print_json(value: object) -> None:
    sys.stdout.write(json.dumps(value, indent=2) + "\n")


def _print_lines(lines: Iterable[str]) -> None:
    sys.stdout.writelines(f"{line}\n" for line in lines)
