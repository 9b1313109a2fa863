"""Traps in health handlers."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from stallproof.lint.model import Hit, Severity, rule
from stallproof.lint.project import Project
from stallproof.lint.reading.python import Module

HARMLESS = {
    *("send_response", "send_response_only", "send_header", "end_headers", "send_error"),
    *("write", "flush", "encode", "dumps", "len", "str", "bytes", "log_message"),
    *("debug", "info", "warning", "print", "time", "startswith", "rstrip", "strip", "urlparse"),
}
"""Calls that say nothing about the worker."""


@rule(
    "health-always-ok",
    Severity.ERROR,
    why="it stays green while the worker is mute for ever, so the platform never restarts it",
    instead="503 once the consumer has made no progress for longer than a recovery takes (20 s)",
    proof="stallproof run health-check-failures --profile hardened --unset app.health",
)
def health_always_ok(module: Module, _project: Project) -> Iterator[Hit]:
    """A health handler that answers 200 whatever happens"""
    for node in module.nodes:
        if isinstance(node, ast.ClassDef) and _is_handler(node):
            for method in node.body:
                if isinstance(method, ast.FunctionDef) and method.name == "do_GET":
                    line = _always_ok(method, module)
                    if line:
                        yield Hit(line, f"{node.name} answers 200 whatever the worker does")


def _is_handler(node: ast.ClassDef) -> bool:
    names = (
        base.attr if isinstance(base, ast.Attribute) else getattr(base, "id", "")
        for base in node.bases
    )
    return any(name == "BaseHTTPRequestHandler" for name in names)


def _always_ok(method: ast.FunctionDef, module: Module) -> int:
    """The line that sends 200, if nothing but the path decides; else 0."""
    nodes = list(ast.walk(method))
    calls = [node for node in nodes if isinstance(node, ast.Call)]
    if any(_called(call) not in HARMLESS for call in calls):
        return 0
    tests = [node.test for node in nodes if isinstance(node, ast.If | ast.IfExp | ast.While)]
    if any(isinstance(node, ast.Match | ast.Try) for node in nodes):
        return 0
    if not all(_asks_for_path(test) for test in tests):
        return 0
    sent = [
        (module.literal(call.args[0]), call.lineno)
        for call in calls
        if _called(call).startswith(("send_response", "send_error")) and call.args
    ]
    if not all(isinstance(code, int) and code < 500 for code, _ in sent):
        return 0
    return next((line for code, line in sent if code == 200), 0)


def _called(call: ast.Call) -> str:
    function = call.func
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


def _asks_for_path(test: ast.expr) -> bool:
    """It looks at nothing but the path that was asked for."""
    names = {node.id for node in ast.walk(test) if isinstance(node, ast.Name)}
    attributes = {node.attr for node in ast.walk(test) if isinstance(node, ast.Attribute)}
    return names <= {"self", "path", "urlparse"} and attributes - HARMLESS <= {"path"}
