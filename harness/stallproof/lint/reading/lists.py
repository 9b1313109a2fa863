"""Worker command lines that Python holds as lists of strings."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from stallproof.lint.model import Word
from stallproof.lint.reading.command import Command, Place
from stallproof.lint.reading.python import Module

PROGRAMS = {"celery", "python", "python3"}


def commands(module: Module) -> Iterator[Command]:
    """`worker_main([...])`, and each list of arguments that starts a Celery worker."""
    for node in module.nodes:
        if isinstance(node, ast.Call) and _called(node) == "worker_main" and node.args:
            argv = module.node(node.args[0])
            if isinstance(argv, ast.List | ast.Tuple):
                yield _command(module, node, argv, [Word("celery", node.lineno)], Place.CALL)
        elif isinstance(node, ast.List | ast.Tuple):
            words = [word.text for word in _words(module, node)]
            flags = any(word.startswith("-") for word in words)
            if flags and {"celery", "worker"} <= set(words) and words[0] in PROGRAMS:
                yield _command(module, node, node, [], Place.LIST)


def _command(
    module: Module,
    at: ast.expr,
    argv: ast.List | ast.Tuple,
    before: list[Word],
    place: Place,
) -> Command:
    words = _words(module, argv)
    if not before:
        words = words[[word.text for word in words].index("celery") :]
    changed = isinstance(at, ast.Call) and module.changed(getattr(at.args[0], "id", ""))
    return Command(
        words=(*before, *words),
        place=place,
        replaces=True,
        complete=len(_words(module, argv)) == len(argv.elts) and not changed,
    )


def _words(module: Module, node: ast.List | ast.Tuple) -> list[Word]:
    found = []
    for element in node.elts:
        value = module.literal(element)
        if isinstance(value, str):
            found.append(Word(value, element.lineno))
    return found


def _called(call: ast.Call) -> str:
    return call.func.attr if isinstance(call.func, ast.Attribute) else ""
