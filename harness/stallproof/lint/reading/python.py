"""Python by its syntax tree: what a name stands for, as far as the file itself says."""

from __future__ import annotations

import ast
import warnings
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from stallproof.lint.model import Unreadable

DEPTH = 20
"""How far names and nested dicts are followed."""


class _Unknown:
    """What the text alone does not tell."""

    def __repr__(self) -> str:
        return "unknown"


UNKNOWN: Final = _Unknown()


class Entry(NamedTuple):
    key: Any
    line: int
    value: ast.expr


@dataclass(frozen=True)
class Table:
    """A dict as it is written; not `complete` if it may hold more than is seen."""

    entries: tuple[Entry, ...]
    complete: bool

    def get(self, key: str) -> Entry | None:
        """The entry in force: the last of that key."""
        return next((entry for entry in reversed(self.entries) if entry.key == key), None)


class Module:
    """A parsed file, and what its names stand for.

    A name counts only if it is bound once in the whole file; a dict that is changed after it was
    written is not complete.
    """

    def __init__(self, tree: ast.Module) -> None:
        self.tree = tree
        self.nodes = list(ast.walk(tree))
        self._bound: dict[str, ast.expr] = {}
        self._changed: set[str] = set()
        times: Counter[str] = Counter()
        for node in self.nodes:
            for name, value in _bindings(node):
                times[name] += 1
                if value is not None:
                    self._bound[name] = value
            self._changed |= set(_changes(node))
        for name, count in times.items():
            if count > 1:
                self._bound.pop(name, None)

    def changed(self, name: str) -> bool:
        """A name or attribute whose dict is changed somewhere in the file."""
        return name in self._changed

    def node(self, node: ast.expr, depth: int = DEPTH) -> ast.expr:
        """Names followed to what they stand for."""
        while depth and isinstance(node, ast.Name) and node.id in self._bound:
            node, depth = self._bound[node.id], depth - 1
        return node

    def literal(self, node: ast.expr, depth: int = DEPTH) -> Any:
        """A constant's value, or `UNKNOWN`."""
        node = self.node(node)
        if not depth:
            return UNKNOWN
        if isinstance(node, ast.Constant):
            return node.value
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
            value = self.literal(node.operand, depth - 1)
            return -value if _is_number(value) else UNKNOWN
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult):
            left, right = (self.literal(each, depth - 1) for each in (node.left, node.right))
            return left * right if _is_number(left) and _is_number(right) else UNKNOWN
        return UNKNOWN

    def table(self, node: ast.expr, depth: int = DEPTH) -> Table | None:
        """A dict display, `dict(...)`, `{**a, ...}` or `a | b`; None for anything else."""
        changed = isinstance(node, ast.Name) and node.id in self._changed
        found = self._table(self.node(node), depth) if depth else None
        if found is None or not changed:
            return found
        return Table(found.entries, complete=False)

    def _table(self, node: ast.expr, depth: int) -> Table | None:
        parts: list[tuple[ast.expr | None, int, ast.expr]] = []
        if isinstance(node, ast.Dict):
            parts = [
                (key, (key or value).lineno, value)
                for key, value in zip(node.keys, node.values, strict=True)
            ]
        elif isinstance(node, ast.Call) and _name(node.func) == "dict":
            parts = [(None, arg.lineno, arg) for arg in node.args]
            parts += [
                (ast.Constant(word.arg) if word.arg else None, word.value.lineno, word.value)
                for word in node.keywords
            ]
        elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
            parts = [(None, side.lineno, side) for side in (node.left, node.right)]
        else:
            return None
        return self._collect(parts, depth)

    def _collect(self, parts: list[tuple[ast.expr | None, int, ast.expr]], depth: int) -> Table:
        entries: list[Entry] = []
        complete = True
        for key, line, value in parts:
            if key is not None:
                entries.append(Entry(self.literal(key), line, value))
                continue
            inner = self.table(value, depth - 1)
            complete = complete and inner is not None and inner.complete
            entries.extend(inner.entries if inner else ())
        return Table(tuple(entries), complete)


def read(text: str) -> Module:
    """The module.

    Raises:
        Unreadable: not Python.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return Module(ast.parse(text))
    except SyntaxError as error:
        raise Unreadable(error.lineno or 1, f"not Python: {error.msg}") from None
    except (ValueError, RecursionError, MemoryError) as error:
        raise Unreadable(1, f"not Python that can be read: {error}") from None


def _bindings(node: ast.AST) -> Iterator[tuple[str, ast.expr | None]]:
    """Names that a node binds; with the value, if it is a plain assignment."""
    if isinstance(node, ast.Assign) and all(isinstance(t, ast.Name) for t in node.targets):
        for target in node.targets:
            assert isinstance(target, ast.Name)
            yield target.id, node.value
    elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
        yield node.target.id, node.value
    elif isinstance(node, ast.arg):
        yield node.arg, None
        yield node.arg, None
    elif isinstance(node, ast.AugAssign | ast.For | ast.NamedExpr):
        for inner in ast.walk(node.target):
            if isinstance(inner, ast.Name):
                yield inner.id, None
                yield inner.id, None


CHANGING = {"update", "setdefault", "pop", "clear", "append", "extend", "insert", "remove"}


def _changes(node: ast.AST) -> Iterator[str]:
    """Names and attributes whose contents a node changes."""
    if isinstance(node, ast.Assign | ast.AugAssign | ast.Delete):
        targets = [node.target] if isinstance(node, ast.AugAssign) else node.targets
        for target in targets:
            if isinstance(target, ast.Subscript):
                yield _name(target.value)
    function = node.func if isinstance(node, ast.Call) else None
    if isinstance(function, ast.Attribute) and function.attr in CHANGING:
        yield _name(function.value)
    if isinstance(node, ast.AugAssign):
        yield _name(node.target)


def _name(node: ast.expr) -> str:
    """The last part of a dotted name."""
    if isinstance(node, ast.Name):
        return node.id
    return node.attr if isinstance(node, ast.Attribute) else ""


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e12
