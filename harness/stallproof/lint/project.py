"""All that was given together: what one file leaves open, another may answer."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from stallproof.lint.model import Word
from stallproof.lint.reading.celery_config import CeleryConfig
from stallproof.lint.reading.cloudbuild import Build
from stallproof.lint.reading.command import Command, script_of
from stallproof.lint.reading.dockerfile import Dockerfile
from stallproof.lint.reading.python import Module
from stallproof.lint.reading.requirements import Requirements, Stated
from stallproof.lint.sources import Source

READS_RESULTS = {"AsyncResult", "GroupResult", "ResultSet", "chord", "allow_join_result"}
FRAMEWORKS = {"fastapi", "starlette", "flask", "django"}


@dataclass
class Document:
    """One source, read: its subjects, by kind."""

    source: Source
    module: Module | None = None
    config: CeleryConfig | None = None
    build: Build | None = None
    image: Dockerfile | None = None
    commands: Sequence[Command] = ()
    values: Sequence[Word] = ()
    """Words in which the name of an image may stand."""
    requirements: list[Requirements] = field(default_factory=list)


@dataclass
class Project:
    documents: Sequence[Document]

    @cached_property
    def configs(self) -> list[CeleryConfig]:
        return [each.config for each in self.documents if each.config]

    @cached_property
    def commands(self) -> list[Command]:
        return [command for each in self.documents for command in each.commands]

    def sets(self, name: str) -> bool:
        """A Celery configuration among the files sets it."""
        return any(name in config.settings for config in self.configs)

    def sets_option(self, key: str) -> bool:
        """A configuration among the files sets this key of the broker's transport options."""
        tables = (config.table("broker_transport_options") for config in self.configs)
        return any(table is not None and table.get(key) for table in tables)

    @property
    def complete(self) -> bool:
        """There are configurations, and none is loaded from somewhere out of sight."""
        return bool(self.configs) and all(config.complete for config in self.configs)

    def stated(self, name: str) -> list[Stated]:
        """Every requirement of that name in all files."""
        sets = (each for document in self.documents for each in document.requirements)
        return [found for each in sets if (found := each.get(name))]

    @cached_property
    def frameworks(self) -> set[str]:
        """The web frameworks that the files import or require."""
        required = {name for name in FRAMEWORKS if self.stated(name)}
        return required | (FRAMEWORKS & set(self._imported()))

    def _imported(self) -> Iterator[str]:
        for node in self._nodes():
            if isinstance(node, ast.Import):
                yield from (alias.name.partition(".")[0] for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module:
                yield node.module.partition(".")[0]

    @cached_property
    def reads_results(self) -> bool:
        """Python among the files waits for a task's result."""
        return any(
            getattr(node, "id", getattr(node, "attr", "")) in READS_RESULTS or _waits(node)
            for node in self._nodes()
        )

    def _nodes(self) -> Iterator[ast.AST]:
        for document in self.documents:
            if document.module:
                yield from document.module.nodes

    def mentions(self, name: str) -> bool:
        """A variable of the environment is spoken of outside comments."""
        return any(
            name in line and not line.lstrip().startswith("#")
            for document in self.documents
            for line in document.source.text.split("\n")
        )

    @cached_property
    def started_scripts(self) -> set[str]:
        """Names of the scripts that the images given start with."""
        words = (
            word.text
            for document in self.documents
            if document.image
            for command in document.commands
            if not script_of(command.words)
            for word in command.words
        )
        return {match[1] for word in words if (match := re.search(r"([^/]+\.sh)$", word))}


def _waits(node: ast.AST) -> bool:
    """`result.get(timeout=...)`, `result.get(propagate=...)` or `result.successful()`."""
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
        return False
    words = {word.arg for word in node.keywords}
    named = node.func.attr == "get" and words & {"timeout", "propagate", "disable_sync_subtasks"}
    waited = (
        node.func.attr == "get"
        and isinstance(node.func.value, ast.Call)
        and (getattr(node.func.value.func, "attr", "") in {"delay", "apply_async"})
    )
    return bool(named) or waited or node.func.attr == "successful"
