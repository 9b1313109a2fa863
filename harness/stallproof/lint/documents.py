"""From a source to a document: the readers of its kind, one after the other."""

from __future__ import annotations

from stallproof.lint.model import Unreadable, Word
from stallproof.lint.project import Document
from stallproof.lint.reading import (
    celery_config,
    cloudbuild,
    command,
    dockerfile,
    lists,
    python,
    requirements,
    shell,
)
from stallproof.lint.reading.command import Place
from stallproof.lint.sources import Kind, Source


def read(source: Source) -> Document:
    """Everything in it that a rule may look at.

    Raises:
        Unreadable: it cannot be parsed.
    """
    document = Document(source)
    READERS[source.kind](document)
    found = (requirements.of_command(each) for each in document.commands)
    document.requirements.extend(each for each in found if each)
    return document


def _python(document: Document) -> None:
    module = python.read(document.source.text)
    document.module = module
    document.config = celery_config.read(module)
    document.commands = list(lists.commands(module))


def _shell(document: Document) -> None:
    document.commands = command.of_script(document.source.text, Place.SHELL)
    document.values = [
        word for each in shell.simple_commands(document.source.text) for word in each.words
    ]


def _yaml(document: Document) -> None:
    build = cloudbuild.read(document.source.text)
    if build is None:
        if "cloudbuild" in document.source.name.lower():
            raise Unreadable(1, "no Cloud Build file: it has no list of steps")
        return
    document.build = build
    document.commands = list(build.commands())
    document.values = list(build.values())


def _dockerfile(document: Document) -> None:
    source = document.source
    image = dockerfile.read(source.text, fragment=source.block)
    document.image = image
    document.commands = list(image.commands())
    document.values = [
        Word(word, each.line)
        for each in image.instructions
        if each.name in ("FROM", "COPY")
        for word in each.text.split()
    ]


def _requirements(document: Document) -> None:
    document.requirements.append(requirements.read(document.source.text))


READERS = {
    Kind.PYTHON: _python,
    Kind.SHELL: _shell,
    Kind.YAML: _yaml,
    Kind.DOCKERFILE: _dockerfile,
    Kind.REQUIREMENTS: _requirements,
}
