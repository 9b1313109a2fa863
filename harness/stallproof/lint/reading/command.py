"""A command as a program and its arguments, wherever it was written."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import Enum, auto
from itertools import pairwise

from stallproof.lint.model import Word
from stallproof.lint.reading.shell import simple_commands


class Place(Enum):
    """Where a command was written, which decides who gets its signals."""

    SHELL = auto()
    """A script, or a line for a terminal."""
    START_SCRIPT = auto()
    """A script that a container starts with."""
    SHELL_FORM = auto()
    """CMD or ENTRYPOINT handed to a shell."""
    LIST = auto()
    """A list of arguments: no shell is in between."""
    CALL = auto()
    """The arguments of `worker_main`."""


@dataclass(frozen=True, kw_only=True)
class Command:
    words: tuple[Word, ...]
    """The program first, wrappers such as `exec` or `sudo` taken away."""
    place: Place
    replaces: bool = False
    """It takes the place of the shell that starts it."""
    background: bool = False
    complete: bool = True
    """All of its words could be read."""
    env: tuple[str, ...] = ()
    """NAME=VALUE before it."""

    @property
    def line(self) -> int:
        return self.words[0].line

    @property
    def program(self) -> str:
        return self.words[0].text.rpartition("/")[2]

    @property
    def arguments(self) -> tuple[Word, ...]:
        return self.words[1:]

    def has(self, *names: str) -> bool:
        return any(word.text in names for word in self.arguments)

    def flag(self, *names: str) -> Word | None:
        """The last value of `--name=value` or `--name value`, on the flag's line."""
        found = None
        for word, after in _pairs(self.arguments):
            name, equals, value = word.text.partition("=")
            if name in names:
                found = Word(value if equals else after, word.line)
        return found

    @property
    def is_celery_worker(self) -> bool:
        return self.program == "celery" and (self.place is Place.CALL or self.has("worker"))


ASSIGNMENT = re.compile(r"[A-Za-z_]\w*=.*", re.DOTALL)
KEYWORDS = {"if", "then", "else", "elif", "do", "while", "until", "!", "{", "}", "time"}
REPLACING = {"exec"}
WRAPPERS = {"sudo", "nohup", "command", "env", "tini", "dumb-init", "--", "-g"}
USER_WRAPPERS = {"gosu", "su-exec"}
RUNNERS = {("poetry", "run"), ("uv", "run"), ("pipenv", "run"), ("pdm", "run")}
PYTHON = re.compile(r"(.*/)?python[\d.]*")


def make(
    words: Sequence[Word], place: Place, *, background: bool = False, complete: bool = True
) -> Command | None:
    """A command with its wrappers taken away; None if nothing is left."""
    rest, env, replaces = list(words), [], False
    while rest:
        text = rest[0].text
        if ASSIGNMENT.fullmatch(text):
            env.append(text)
            taken = 1
        else:
            replaces = replaces or text in REPLACING
            taken = _wrapper(rest)
        if not taken:
            break
        rest = rest[taken:]
    if not rest:
        return None
    return Command(
        words=tuple(rest),
        place=place,
        replaces=replaces,
        background=background,
        complete=complete,
        env=tuple(env),
    )


def _wrapper(words: Sequence[Word]) -> int:
    """How many words at the start only lead to the command itself."""
    first = words[0].text
    name = first.rpartition("/")[2]
    if first in KEYWORDS or name in REPLACING | WRAPPERS:
        return 1
    if name in USER_WRAPPERS or (name, *(w.text for w in words[1:2])) in RUNNERS:
        return 2
    if PYTHON.fullmatch(first) and len(words) > 2 and words[1].text == "-m":
        return 2
    return 0


def of_script(text: str, place: Place) -> list[Command]:
    """The commands of a shell script.

    Raises:
        Unreadable: a quote that is never closed.
    """
    found = []
    for simple in simple_commands(text):
        command = make(simple.words, place, background=simple.end == "&")
        if command is not None:
            found.append(command)
    return found


def of_list(words: Iterable[Word], *, shell_place: Place = Place.SHELL_FORM) -> list[Command]:
    """The command of a list of arguments; of `sh -c TEXT`, those of the text.

    Raises:
        Unreadable: a quote in the text that is never closed.
    """
    listed = tuple(words)
    script = script_of(listed)
    if script is not None:
        return of_script("\n" * (script.line - 1) + script.text, shell_place)
    command = make(listed, Place.LIST)
    if command is None:
        return []
    return [replace(command, replaces=True)]


def script_of(words: Sequence[Word]) -> Word | None:
    """The text that `sh -c TEXT` hands to a shell."""
    if not words or not re.fullmatch(r"(.*/)?(ba|da|z)?sh", words[0].text):
        return None
    for word, after in pairwise(words[1:]):
        if re.fullmatch(r"-[a-z]*c[a-z]*", word.text):
            return after
        if not word.text.startswith("-"):
            return None
    return None


def _pairs(words: Sequence[Word]) -> Iterator[tuple[Word, str]]:
    """Each word, with the next one's text if that can be its value."""
    for number, word in enumerate(words):
        after = words[number + 1].text if number + 1 < len(words) else ""
        yield word, "" if after.startswith("-") else after
