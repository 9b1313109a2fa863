r"""A Dockerfile: its instructions, and the commands and scripts in them.

The format: https://docs.docker.com/reference/dockerfile/ . A script that is written by
`RUN echo '#!/bin/sh\n\` is read as the script that it becomes, on the Dockerfile's lines.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from stallproof.lint.model import Unreadable, Word
from stallproof.lint.reading import command
from stallproof.lint.reading.command import Command, Place
from stallproof.lint.reading.shell import SHEBANG

INSTRUCTIONS = {
    *("ADD", "ARG", "CMD", "COPY", "ENTRYPOINT", "ENV", "EXPOSE", "FROM", "HEALTHCHECK"),
    *("LABEL", "MAINTAINER", "ONBUILD", "RUN", "SHELL", "STOPSIGNAL", "USER", "VOLUME", "WORKDIR"),
}
HEREDOC = re.compile(
    r"""(?:^|(?<=\s))\d*<<-?(['"]?)(?P<tag>[A-Za-z_]\w*)\1|'[^']*'|"(?:[^"\\]|\\.)*\""""
)
"""A heredoc's tag; what stands in quotes is passed over."""
ECHOED_SCRIPT = re.compile(
    r"""\b(?:echo|printf)\s+(?:-\w+\s+)*(?P<quote>['"])(?=\#![^'"]*\b(?:ba|da)?sh\b)"""
)
STARTERS = ("CMD", "ENTRYPOINT")


@dataclass
class Instruction:
    name: str
    line: int
    lines: list[Word] = field(default_factory=list)
    """What follows the name, a physical line each, without the continuation mark."""
    bodies: list[list[Word]] = field(default_factory=list)
    """Its heredocs."""

    @property
    def text(self) -> str:
        return " ".join(line.text.strip() for line in self.lines).strip()

    @property
    def listed(self) -> list[str] | None:
        """The words of the JSON form; None for the shell form."""
        try:
            value = json.loads(self.text)
        except (ValueError, RecursionError):
            return None
        strings = isinstance(value, list) and all(isinstance(word, str) for word in value)
        return value if strings else None

    def words(self) -> list[Word]:
        return [Word(word, self.line) for word in self.listed or []]


@dataclass(frozen=True)
class Dockerfile:
    instructions: Sequence[Instruction]

    @property
    def stages(self) -> list[list[Instruction]]:
        """Each FROM with what follows it."""
        found: list[list[Instruction]] = []
        for each in self.instructions:
            if each.name == "FROM" or not found:
                found.append([])
            found[-1].append(each)
        return found

    def starters(self) -> dict[str, Instruction]:
        """The last ENTRYPOINT and the last CMD of the last stage: those in force."""
        return {each.name: each for each in self.stages[-1] if each.name in STARTERS}

    def commands(self) -> Iterator[Command]:
        """What the image starts with, what RUN runs, and what scripts written here hold.

        Raises:
            Unreadable: a command line in it that cannot be parsed.
        """
        yield from self._started()
        for each in self.instructions:
            if each.name == "RUN" and each.listed is None:
                lines = _without_flags(each.lines)
                whole = each.bodies and as_command(lines).lstrip().startswith("<<")
                script = as_script(each.bodies[0]) if whole else as_command(lines)
                yield from command.of_script(script, Place.SHELL)
        for script in self._scripts():
            yield from command.of_script(script, Place.START_SCRIPT)

    def _started(self) -> Iterator[Command]:
        starters = self.starters()
        entrypoint, cmd = starters.get("ENTRYPOINT"), starters.get("CMD")
        if entrypoint and cmd and entrypoint.listed is not None and cmd.listed is not None:
            yield from command.of_list([*entrypoint.words(), *cmd.words()])
            return
        for each in filter(None, (entrypoint, cmd)):
            if each.listed is None:
                yield from command.of_script(as_command(each.lines), Place.SHELL_FORM)
            else:
                yield from command.of_list(each.words())

    def _scripts(self) -> Iterator[str]:
        for each in self.instructions:
            if each.name in ("RUN", "COPY", "ADD"):
                for body in each.bodies:
                    if body and SHEBANG.match(body[0].text):
                        yield as_script(body)
            if each.name == "RUN":
                yield as_script(_echoed(each.lines))


def _without_flags(lines: Sequence[Word]) -> list[Word]:
    """RUN's lines without `--mount=...` and its like before the command."""
    kept, leading = [], True
    for text, line in lines:
        rest = re.sub(r"^\s*(--\S+\s*)+", "", text) if leading else text
        leading = leading and not rest.strip()
        kept.append(Word(rest, line))
    return kept


def as_command(lines: Sequence[Word]) -> str:
    """Continued lines as one shell line whose words keep their line numbers."""
    return _laid_out(lines, newline="\\\n")


def as_script(lines: Sequence[Word]) -> str:
    """Numbered lines as a script on the same lines; several on one line become a list."""
    return _laid_out([line for line in lines if not line.text.lstrip().startswith("#")])


def _laid_out(lines: Sequence[Word], newline: str = "\n") -> str:
    text, at = "", 1
    for content, line in lines:
        step = newline if text else "\n"
        text += step * (line - at) if line > at else "; " if text else ""
        text, at = text + content, max(at, line)
    return text


def _echoed(lines: Sequence[Word]) -> list[Word]:
    r"""The lines of a script that `echo` or `printf` is given in quotes, split at each `\n`."""
    found: list[Word] = []
    quote = ""
    for content, line in lines:
        rest = content
        if not quote:
            start = ECHOED_SCRIPT.search(rest)
            if start is None:
                continue
            quote, rest = start["quote"], rest[start.end() :]
        inside, closed = _until(rest, quote)
        found.extend(Word(piece, line) for piece in inside.split(r"\n") if piece.strip())
        if closed:
            return found
    return found


def _until(text: str, quote: str) -> tuple[str, bool]:
    """What stands before the closing quote, and whether there is one."""
    pattern = r"(?:[^\"\\]|\\.)*" if quote == '"' else r"[^']*"
    match = re.match(pattern, text, re.DOTALL)
    inside = match[0] if match else ""
    closed = text[len(inside) : len(inside) + 1] == quote
    inside = inside if closed else text
    return (re.sub(r'\\(["$`])', r"\1", inside) if quote == '"' else inside), closed


def read(text: str, *, fragment: bool = False) -> Dockerfile:
    """The instructions.

    Args:
        text: the Dockerfile.
        fragment: it may be a part of one, without FROM.

    Raises:
        Unreadable: an unknown instruction, none at all, or a heredoc that never ends.
    """
    lines = iter(enumerate(text.split("\n"), start=1))
    escape = "`" if re.match(r"\s*#\s*escape\s*=\s*`", text) else "\\"
    found: list[Instruction] = []
    for number, line in lines:
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        found.append(_instruction(number, line, lines, escape))
    if not found:
        raise Unreadable(1, "no Dockerfile: it has no instruction")
    if not fragment and not any(each.name == "FROM" for each in found):
        raise Unreadable(found[0].line, "no Dockerfile: it has no FROM")
    return Dockerfile(found)


def _instruction(
    number: int, line: str, lines: Iterator[tuple[int, str]], escape: str
) -> Instruction:
    name, _, rest = line.strip().partition(" ")
    name = name.partition("\t")[0].upper()
    if name not in INSTRUCTIONS:
        raise Unreadable(number, f"unknown instruction {name!r}")
    found = Instruction(name, number)
    while True:
        goes_on = rest.rstrip().endswith(escape)
        found.lines.append(Word(rest.rstrip().removesuffix(escape) if goes_on else rest, number))
        if not goes_on:
            break
        number, rest = _next_line(lines, number)
    if name in ("RUN", "COPY", "ADD"):
        for match in HEREDOC.finditer(found.text):
            if match["tag"]:
                found.bodies.append(_heredoc(match["tag"], found.line, lines))
    return found


def _next_line(lines: Iterator[tuple[int, str]], number: int) -> tuple[int, str]:
    """The next line that continues an instruction: neither empty nor a comment."""
    for after, line in lines:
        if line.strip() and not line.lstrip().startswith("#"):
            return after, line
    return number, ""


def _heredoc(tag: str, start: int, lines: Iterator[tuple[int, str]]) -> list[Word]:
    body: list[Word] = []
    for number, line in lines:
        if line.strip() == tag:
            return body
        body.append(Word(line, number))
    raise Unreadable(start, f"the heredoc {tag} is never closed")
