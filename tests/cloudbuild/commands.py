"""Every `gcloud` line that we publish: of cloudbuild.yaml as run, of the documents as told."""

from __future__ import annotations

import re
import shlex
import tomllib
from collections.abc import Iterable
from pathlib import Path

import msgspec
from markdown_it import MarkdownIt

from .simulator import Call

NEWER = Path(__file__).parent / "newer.toml"
GCLOUD = re.compile(r"(?<![\w/-])gcloud (?=[a-z])")


class Newer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A command that an SDK does not know yet, and what it knows in its place."""

    sdk: str
    command: str
    instead: str
    flags: dict[str, str]
    """Flags of that command which it does not know either."""
    sources: list[str]


def newer(sdk: str) -> list[Newer]:
    """What is listed for that SDK."""
    listed = msgspec.convert(tomllib.loads(NEWER.read_text())["newer"], list[Newer])
    return [one for one in listed if one.sdk == sdk]


def as_known(line: str, sdk: str) -> str:
    """The command line as that SDK knows it."""
    for one in newer(sdk):
        if line.startswith(f"{one.command} "):
            line = one.instead + line.removeprefix(one.command)
            for flag, known in one.flags.items():
                line = line.replace(f" {flag}=", f" {known}=")
    return line


def of_calls(calls: Iterable[Call]) -> set[tuple[str, str]]:
    """Each step and a command line that it ran."""
    return {(call.step, shlex.join(call.argv)) for call in calls if call.argv[0] == "gcloud"}


def of_document(text: str) -> list[str]:
    """The command lines in a Markdown document's fenced blocks, continued lines made one."""
    found = []
    for token in MarkdownIt().parse(text):
        if token.type != "fence":
            continue
        for line in token.content.replace("\\\n", " ").splitlines():
            words = shlex.split(line, comments=True) if GCLOUD.match(line.strip()) else []
            if words:
                found.append(shlex.join(words))
    return found
