"""Requirements, from a file or a `pip install` line.

The format: https://pip.pypa.io/en/stable/reference/requirements-file-format/ and PEP 508.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from stallproof.lint.model import Unreadable, Word
from stallproof.lint.reading.command import Command

ELSEWHERE = re.compile(r"-(r|c)\b|--(requirement|constraint)\b")
NOT_BY_NAME = re.compile(r"-|\.|/|\w+\+|\w+://|.*\.(whl|zip|tar\.gz)$|.*[\\/]")
TAKES_VALUE = {"-r", "-c", "-i", "-e", "-f", "-t", "--index-url", "--extra-index-url", "--target"}


class Stated(NamedTuple):
    """One requirement and its line."""

    requirement: Requirement
    line: int

    @property
    def name(self) -> str:
        return canonicalize_name(self.requirement.name)

    @property
    def pin(self) -> Version | None:
        """The exact version, if one is stated."""
        for spec in self.requirement.specifier:
            if spec.operator in ("==", "===") and re.fullmatch(r"[\w.!+]+", spec.version):
                try:
                    return Version(spec.version)
                except ValueError:
                    return None
        return None

    def surely(self, *, at_least: str = "0", at_most: str | None = None) -> bool:
        """Every version that is allowed lies within the bounds."""
        if self.pin is not None:
            return Version(at_least) <= self.pin and (
                at_most is None or self.pin <= Version(at_most)
            )
        bounds = [
            (s.operator, s.version) for s in self.requirement.specifier if "*" not in s.version
        ]
        low = any(o in (">=", ">", "~=") and Version(v) >= Version(at_least) for o, v in bounds)
        high = any(
            at_most is not None and o in ("<=", "<") and Version(v) <= Version(at_most)
            for o, v in bounds
        )
        return (low or at_least == "0") and (high or at_most is None)


@dataclass(frozen=True)
class Requirements:
    """What is installed together; not `complete` if it refers to other files."""

    stated: Sequence[Stated]
    complete: bool = True

    def get(self, name: str) -> Stated | None:
        return next((each for each in self.stated if each.name == name), None)


def read(text: str) -> Requirements:
    """A requirements file.

    Raises:
        Unreadable: a line that is no requirement.
    """
    found, complete = [], True
    for number, line in _logical(text):
        if ELSEWHERE.match(line):
            complete = False
        elif not NOT_BY_NAME.match(line):
            try:
                requirement = Requirement(re.split(r"\s--", line)[0])
            except InvalidRequirement as error:
                what = str(error).partition("\n")[0]
                raise Unreadable(number, f"no requirement: {line[:60]!r}: {what}") from None
            found.append(Stated(requirement, number))
    return Requirements(found, complete)


def _logical(text: str) -> list[tuple[int, str]]:
    """Lines with continuations joined and comments dropped; empty ones left out."""
    found, start, joined = [], 1, ""
    for number, line in enumerate(text.split("\n"), start=1):
        start = start if joined else number
        if line.endswith("\\"):
            joined += line[:-1] + " "
            continue
        whole = re.sub(r"(^|\s)#.*", "", joined + line).strip()
        if whole:
            found.append((start, whole))
        joined = ""
    return found


def of_command(command: Command) -> Requirements | None:
    """What `pip install ...` or `uv pip install ...` names; None for any other command."""
    words = list(command.words)
    if command.program == "uv" and len(words) > 1 and words[1].text == "pip":
        words = words[1:]
    if len(words) < 2 or not re.fullmatch(r"(.*/)?pip[\d.]*", words[0].text):
        return None
    if words[1].text != "install":
        return None
    complete = not any(ELSEWHERE.match(word.text) for word in words)
    stated = [found for word in _named(words[2:]) if (found := _stated(word))]
    return Requirements(stated, complete) if stated else None


def _named(words: Sequence[Word]) -> list[Word]:
    found, value_next = [], False
    for word in words:
        if not value_next and not NOT_BY_NAME.match(word.text):
            found.append(word)
        value_next = word.text in TAKES_VALUE
    return found


def _stated(word: Word) -> Stated | None:
    try:
        return Stated(Requirement(word.text), word.line)
    except InvalidRequirement:
        return None
