"""`stallproof lint`."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import typer


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
    from stallproof.lint import output, run  # noqa: PLC0415 (0.1 s: packaging, markdown-it, pyyaml)

    if rules:
        _print_json(output.rules_json()) if as_json else _print_lines(output.rules_lines())
        return
    report = run.lint(paths or [], commands=command or [])
    if as_json:
        _print_json(output.report_json(report))
    else:
        _print_lines(output.report_lines(report))
    for each in report.unreadable:
        sys.stderr.write(f"stallproof: {each}\n")
    raise typer.Exit(output.exit_for_lint(report))


def _print_json(value: object) -> None:
    sys.stdout.write(json.dumps(value, indent=2) + "\n")


def _print_lines(lines: Iterable[str]) -> None:
    sys.stdout.writelines(f"{line}\n" for line in lines)
