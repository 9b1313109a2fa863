"""From paths to a report: read everything, then let each rule look at its subjects."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import chain, product
from pathlib import Path
from typing import Any

from stallproof.lint import documents, registry, sources
from stallproof.lint.model import Finding, Hit, LintError, Report, Rule, Subject, Unreadable
from stallproof.lint.project import Document, Project
from stallproof.lint.reading.command import Place
from stallproof.lint.sources import Kind, Source

START_SCRIPT = re.compile(r"(?i)(.*entrypoint.*|start.*|.*worker.*)\.sh")
"""Taken for what a container starts with, where no Dockerfile says."""


def lint(paths: Sequence[Path], *, commands: Sequence[str] = ()) -> Report:
    """Name the traps in these files, in all those below these folders, and in command lines.

    All of it is one project: what one file leaves open (a version, a worker's flags), another
    answers.

    Raises:
        LintError: neither a path nor a command is given.
    """
    if not paths and not commands:
        raise LintError("lint: name at least one file or folder, or a --command")
    found = [Source("--command", Kind.SHELL, text, block=True) for text in commands]
    unreadable: list[Unreadable] = []
    files = list(dict.fromkeys(file for path in paths for file in sources.files_below(path)))
    for file in files:
        try:
            found.extend(sources.read(file))
        except Unreadable as error:
            error.file = str(file)
            unreadable.append(error)
    report = lint_sources(found)
    return replace(report, unreadable=(*unreadable, *report.unreadable), files=len(files))


def lint_sources(found: Iterable[Source]) -> Report:
    """The same for sources that are at hand."""
    read: list[Document] = []
    unreadable: list[Unreadable] = []
    for source in found:
        try:
            read.append(documents.read(source))
        except Unreadable as error:
            error.file = source.file
            unreadable.append(error)
    project = Project(read)
    for document in read:
        _place_start_scripts(document, project)
    unique = {
        (finding.file, finding.line, finding.rule): finding
        for document in read
        for finding in _findings(document, project)
    }
    return Report(
        findings=tuple(unique[key] for key in sorted(unique)), unreadable=tuple(unreadable)
    )


def _place_start_scripts(document: Document, project: Project) -> None:
    """Tell the scripts that containers start with from those for a terminal."""
    name = document.source.name
    known = any(each.image for each in project.documents)
    starts = name in project.started_scripts if known else START_SCRIPT.fullmatch(name)
    if document.source.kind is Kind.SHELL and starts:
        document.commands = [
            replace(each, place=Place.START_SCRIPT) if each.place is Place.SHELL else each
            for each in document.commands
        ]


def _findings(document: Document, project: Project) -> Iterator[Finding]:
    hits = chain(
        _look(registry.CONFIG, [document.config], project),
        _look(registry.MODULE, [document.module], project),
        _look(registry.COMMAND, document.commands, project),
        _look(registry.BUILD, [document.build], project),
        _look(registry.IMAGE, [document.image], project),
        _look(registry.VALUES, [document.values], project),
        _look(registry.REQUIREMENTS, document.requirements, project),
    )
    for rule, hit in hits:
        yield Finding(
            file=document.source.file,
            line=hit.line,
            rule=rule.id,
            severity=rule.severity,
            what=hit.what,
            why=rule.why,
            instead=rule.instead,
            proof=rule.proof,
        )


def _look(
    rules: Iterable[Rule[Subject]], subjects: Iterable[Subject | None], project: Project
) -> Iterator[tuple[Rule[Any], Hit]]:
    """What each rule says of each subject."""
    for rule, subject in product(rules, subjects):
        if subject is not None:
            yield from ((rule, hit) for hit in rule.check(subject, project))
