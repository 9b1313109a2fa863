"""Shell text into commands: continuations are joined, then words are unquoted by shlex.

Not a shell: no expansion, no functions. What is inside `$(...)` stays one word. The grammar of
quoting is POSIX.1-2024, Shell Command Language, section 2.2.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from stallproof.lint.model import Unreadable, Word

PIECE = re.compile(
    r"""
      (?P<join>\\\n)
    | (?P<heredoc>(?<!<)<<-?[ \t]*(?P<quote>['"]?)(?P<tag>[A-Za-z_]\w*)(?P=quote))
    | (?P<text>\\. | \$'(?:[^'\\]|\\.)*' | '[^']*' | "(?:[^"\\]|\\.)*"
               | \$\((?:[^()]|\([^()]*\))*\) | \$\{[^{}]*\} | `[^`]*`)
    | (?P<comment>(?<![^\s;|&()])\#[^\n]*)
    | (?P<newline>\n)
    | (?P<space>[^\S\n]+)
    | (?P<operator>[;|&()]+)
    | (?P<redirect>[<>]+&?)
    | (?P<open>['"])
    | (?P<other>.)
    """,
    re.VERBOSE | re.DOTALL,
)
SHEBANG = re.compile(r"#!.*\b(ba|da|z)?sh\b")
ENDS = (";", "&", "|", "(", ")", "\n")


class Token(NamedTuple):
    text: str
    line: int
    operator: bool = False


class Simple(NamedTuple):
    """A simple command as it is written, and what ended it."""

    words: tuple[Word, ...]
    end: str


def simple_commands(text: str) -> Iterator[Simple]:
    """The simple commands of a script, in order.

    Raises:
        Unreadable: a quote that is never closed.
    """
    words: list[Word] = []
    skip = False
    for token in tokens(text):
        if not token.operator:
            if not skip:
                words.append(Word(token.text, token.line))
            skip = False
        elif token.text.startswith(ENDS):
            if words:
                yield Simple(tuple(words), token.text)
            words, skip = [], False
        else:
            skip = True
    if words:
        yield Simple(tuple(words), "\n")


def tokens(text: str) -> Iterator[Token]:
    """Words (unquoted), operators, redirections and ends of lines.

    Raises:
        Unreadable: a quote that is never closed.
    """
    raw, start = "", 1
    for kind, piece, line in _pieces(text):
        if kind in ("text", "other"):
            start = start if raw else line
            raw += piece
        elif kind != "join":
            if raw:
                yield Token(unquote(raw), start)
            raw = ""
            if kind in ("newline", "operator", "redirect"):
                yield Token(piece, line, operator=True)
    if raw:
        yield Token(unquote(raw), start)


def _pieces(text: str) -> Iterator[tuple[str, str, int]]:
    """Kind, text and line of each piece; the bodies of heredocs are passed over."""
    line, at = 1, 0
    tags: list[str] = []
    while at < len(text):
        match = PIECE.match(text, at)
        assert match is not None, "the last alternative takes anything"
        kind, piece = match.lastgroup or "", match[0]
        if kind == "open":
            raise Unreadable(line, f"a quote ({piece}) is opened and never closed")
        yield kind, piece, line
        line, at = line + piece.count("\n"), match.end()
        if match["tag"]:
            tags.append(match["tag"])
        if kind == "newline" and tags:
            end = _heredocs_end(text, at, tags)
            line, at, tags = line + text.count("\n", at, end), end, []


def _heredocs_end(text: str, at: int, tags: Iterable[str]) -> int:
    for tag in tags:
        end = re.compile(rf"^[ \t]*{tag}[ \t]*$\n?", re.MULTILINE).search(text, at)
        at = end.end() if end else len(text)
    return at


def unquote(raw: str) -> str:
    """What the shell would hand on, without expanding anything."""
    joined = raw.replace("\\\n", "")
    try:
        return " ".join(shlex.split(joined)) if joined else ""
    except ValueError:
        return joined
