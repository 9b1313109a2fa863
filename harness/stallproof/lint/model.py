"""The values that linting passes around."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Generic, NamedTuple, TypeVar

if TYPE_CHECKING:
    from stallproof.lint.project import Project

Subject = TypeVar("Subject")


class Severity(StrEnum):
    ERROR = "error"
    """It does not work, or work is lost."""
    WARNING = "warning"
    """It does nothing, or it depends on what the file does not say."""


class LintError(ValueError):
    """Bad usage of the command: one line saying what would be right."""


class Unreadable(ValueError):  # noqa: N818 (it is reported, not only raised)
    """A file, or a block of one, that cannot be parsed: where, and what is wrong."""

    def __init__(self, line: int, what: str, *, file: str = "") -> None:
        super().__init__(line, what)
        self.line = line
        self.what = " ".join(what.split())
        self.file = file

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.what}" if self.line else f"{self.file}: {self.what}"


class Word(NamedTuple):
    """A word of a command, or a value of a document, and the line it stands on."""

    text: str
    line: int


class Hit(NamedTuple):
    """What a rule says of one line."""

    line: int
    what: str


Check = Callable[[Subject, "Project"], Iterator[Hit]]


@dataclass(frozen=True, kw_only=True)
class Rule(Generic[Subject]):
    """One trap: how it is seen, why it is one, what to write instead, what proves it."""

    id: str
    severity: Severity
    title: str
    why: str
    instead: str
    proof: str
    """A command to run, or the page that says so."""
    check: Check[Subject]


def rule(
    id_: str, severity: Severity, *, why: str, instead: str, proof: str
) -> Callable[[Check[Subject]], Rule[Subject]]:
    """Turn a check into a `Rule`; its docstring's first line is the title."""

    def make(check: Check[Subject]) -> Rule[Subject]:
        title = (inspect.getdoc(check) or id_).partition("\n")[0]
        return Rule(
            id=id_,
            severity=severity,
            title=title,
            why=why,
            instead=instead,
            proof=proof,
            check=check,
        )

    return make


@dataclass(frozen=True, kw_only=True)
class Finding:
    file: str
    line: int
    rule: str
    severity: Severity
    what: str
    why: str
    instead: str
    proof: str


@dataclass(frozen=True, kw_only=True)
class Report:
    """What was found in all the files, and what could not be read."""

    findings: tuple[Finding, ...] = ()
    unreadable: tuple[Unreadable, ...] = ()
    files: int = field(default=0)
