"""From paths to sources: pieces of text of one kind each, with their line numbers kept.

The text of a fenced block is padded with empty lines to where it stands in its Markdown file
(CommonMark 0.31, section 4.5), so that every reader's line numbers are the file's own.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple

from markdown_it import MarkdownIt

from stallproof.lint.model import Unreadable
from stallproof.lint.reading.shell import SHEBANG

SKIPPED_FOLDERS = {"node_modules", "__pycache__", "venv"}


class Kind(StrEnum):
    PYTHON = "Python"
    SHELL = "shell"
    YAML = "YAML"
    DOCKERFILE = "Dockerfile"
    REQUIREMENTS = "requirements"
    MARKDOWN = "Markdown"


class Source(NamedTuple):
    file: str
    kind: Kind
    text: str
    block: bool = False
    """A block of a Markdown file, so perhaps only a part of something."""

    @property
    def name(self) -> str:
        """The file's name without its folders; a block has none."""
        return "" if self.block else Path(self.file).name


NAMES = (
    (re.compile(r"(?i).*\.(md|markdown)"), Kind.MARKDOWN),
    (re.compile(r"(?i).*\.ya?ml"), Kind.YAML),
    (re.compile(r".*\.pyw?"), Kind.PYTHON),
    (re.compile(r".*\.(sh|bash)"), Kind.SHELL),
    (re.compile(r"(?i)(docker|container)file(\..+)?|.+\.dockerfile"), Kind.DOCKERFILE),
    (re.compile(r"(?i).*(requirements|constraints).*\.(txt|in)"), Kind.REQUIREMENTS),
)
LANGUAGES = {
    **dict.fromkeys(("python", "python3", "py"), Kind.PYTHON),
    **dict.fromkeys(("yaml", "yml"), Kind.YAML),
    **dict.fromkeys(("dockerfile", "docker", "containerfile"), Kind.DOCKERFILE),
    **dict.fromkeys(("bash", "sh", "shell", "zsh", "console", "shell-session"), Kind.SHELL),
    **dict.fromkeys(("requirements", "requirements.txt", "pip-requirements"), Kind.REQUIREMENTS),
}
PROMPTED = {"console", "shell-session"}


def kind_of(path: Path, text: str) -> Kind | None:
    """By its name, else by its first line."""
    for pattern, kind in NAMES:
        if pattern.fullmatch(path.name):
            return kind
    return Kind.SHELL if SHEBANG.match(text) else None


def files_below(path: Path) -> Iterator[Path]:
    """The file itself, or all files of a known name in a folder, hidden ones left out."""
    if not path.is_dir():
        yield path
        return
    for child in sorted(path.iterdir()):
        if child.name.startswith(".") or child.name in SKIPPED_FOLDERS:
            continue
        if child.is_dir():
            yield from files_below(child)
        elif any(pattern.fullmatch(child.name) for pattern, _ in NAMES):
            yield child


def read(path: Path) -> Sequence[Source]:
    """The sources of one file.

    Raises:
        Unreadable: no such file, not text, or of a kind that we do not know.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise Unreadable(line, "not UTF-8 text") from None
    except (OSError, ValueError) as error:
        raise Unreadable(0, getattr(error, "strerror", None) or str(error)) from None
    kind = kind_of(path, text)
    if kind is None:
        known = "Markdown, Cloud Build YAML, Dockerfile, Python, shell, requirements"
        raise Unreadable(0, f"of no kind that can be judged: {known}")
    return sources_of(str(path), kind, text)


def sources_of(file: str, kind: Kind, text: str) -> Sequence[Source]:
    """One source, or those of a Markdown file's fenced blocks."""
    if kind is not Kind.MARKDOWN:
        return [Source(file, kind, text)]
    return list(_blocks(file, text))


def _blocks(file: str, text: str) -> Iterator[Source]:
    for token in MarkdownIt("commonmark").parse(text):
        if token.type != "fence" or token.map is None:
            continue
        language = (token.info.split() or [""])[0].lower()
        kind = LANGUAGES.get(language)
        if kind is None:
            continue
        content = _typed(token.content) if language in PROMPTED else token.content
        yield Source(file, kind, "\n" * (token.map[0] + 1) + content, block=True)


def _typed(session: str) -> str:
    """Of a terminal session only what was typed, on its own lines."""
    lines: list[str] = []
    goes_on = False
    for line in session.split("\n"):
        typed = re.match(r"[$#%] (.*)", line)
        kept = typed[1] if typed else line if goes_on else ""
        goes_on = kept.endswith("\\")
        lines.append(kept)
    return "\n".join(lines)
