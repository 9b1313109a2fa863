"""A Celery configuration, wherever a Python file writes it down.

    app = Celery("x", broker=..., task_acks_late=True)  app.conf.task_acks_late = True
    app.conf.update(task_acks_late=True)                class Config: task_acks_late = True
    CELERY_TASK_ACKS_LATE = True                        task_acks_late = True  (celeryconfig.py)

Names old and new: https://docs.celeryq.dev/en/stable/userguide/configuration.html
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from stallproof.lint.reading.python import Module, Table

KNOWN = re.compile(
    r"(broker|result|task|worker|beat|redis|database|event|accept)_\w+"
    r"|timezone|enable_utc|include|imports"
)
OLD_NAMES = {
    "acks_late": "task_acks_late",
    "track_started": "task_track_started",
    "ignore_result": "task_ignore_result",
    "backend": "result_backend",
    "broker": "broker_url",
    "backend_transport_options": "result_backend_transport_options",
}
MARKS_A_MODULE = {"broker_url", "result_backend", "broker_transport_options"}
OTHER_BROKERS = re.compile(
    r"amqp|rabbit|sqs|memory://|filesystem|kafka|pubsub|azure|mongo", re.IGNORECASE
)
REDIS = re.compile(r"redis|valkey|sentinel|memorystore", re.IGNORECASE)
REDIS_OPTIONS = {"socket_timeout", "socket_keepalive", "health_check_interval", "retry_on_timeout"}


class Setting(NamedTuple):
    line: int
    value: ast.expr


@dataclass
class CeleryConfig:
    module: Module
    line: int
    """Of the application, or of the first setting."""
    settings: dict[str, Setting] = field(default_factory=dict)
    complete: bool = True

    def value(self, name: str) -> Any:
        """A setting's value; `UNKNOWN` if the file does not tell, None if it is not set."""
        setting = self.settings.get(name)
        return self.module.literal(setting.value) if setting else None

    def table(self, name: str) -> Table | None:
        """A setting that is a dict; None if it is not set, or no dict that can be read."""
        setting = self.settings.get(name)
        found = self.module.table(setting.value) if setting else None
        if found is not None and self.module.changed(name):
            return Table(found.entries, complete=False)
        return found

    def line_of(self, name: str) -> int:
        """The setting's line; the application's if it is not set."""
        return self.settings[name].line if name in self.settings else self.line

    @property
    def transport(self) -> Table | None:
        """The broker's options: empty if none are set, None if they cannot be told."""
        name = "broker_transport_options"
        if name in self.settings:
            return self.table(name)
        return Table((), self.complete) if not self.module.changed(name) else None

    @property
    def on_redis(self) -> bool:
        """The broker is a Redis, as far as its URL or its options tell."""
        setting = self.settings.get("broker_url")
        told = " ".join(_texts(self.module, setting.value)) if setting else ""
        if OTHER_BROKERS.search(told):
            return False
        options = self.table("broker_transport_options")
        keys = {str(entry.key) for entry in options.entries} if options else set()
        return bool(REDIS.search(told)) or bool(keys & REDIS_OPTIONS)

    @property
    def backend_on_redis(self) -> bool:
        """The result backend is a Redis, as far as its URL tells."""
        setting = self.settings.get("result_backend")
        return setting is not None and bool(
            REDIS.search(" ".join(_texts(self.module, setting.value)))
        )

    def put(self, name: str, line: int, value: ast.expr) -> None:
        """Take a setting, under its present name."""
        self.settings[canonical(name)] = Setting(line, value)

    def put_all(self, table: Table | None) -> None:
        """Take a dict of settings; one that cannot be read leaves the rest open."""
        self.complete = self.complete and table is not None and table.complete
        for entry in table.entries if table else ():
            if isinstance(entry.key, str):
                self.put(entry.key, entry.line, entry.value)


def canonical(name: str) -> str:
    """The present name of a setting: lower case, without Django's usual prefix."""
    lower = name.lower().removeprefix("celery_") if name.isupper() else name
    return OLD_NAMES.get(lower, lower)


def read(module: Module) -> CeleryConfig | None:
    """The file's configuration (several applications in one file count as one)."""
    config = CeleryConfig(module, 0)
    found = [line for node in module.nodes for line in _take(config, node)]
    if not found and not _take_module(config):
        return None
    config.line = min(found, default=0) or min(each.line for each in config.settings.values())
    return config


def _take(config: CeleryConfig, node: ast.AST) -> Iterator[int]:
    """Take what one node sets; the line of each application made or changed."""
    if isinstance(node, ast.Call):
        yield from _take_call(config, node)
    elif isinstance(node, ast.Assign):
        for target in node.targets:
            name = _conf_key(config.module, target)
            if name:
                config.put(name, target.lineno, node.value)
                yield target.lineno


def _take_call(config: CeleryConfig, call: ast.Call) -> Iterator[int]:
    function = call.func
    name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
    if name == "Celery":
        _take_words(
            config,
            [
                word
                for word in call.keywords
                if word.arg in {"broker", "backend", None} or KNOWN.fullmatch(word.arg)
            ],
        )
        config.complete = config.complete and not any(
            word.arg in {"config_source", "changes"} for word in call.keywords
        )
        yield call.lineno
    elif not isinstance(function, ast.Attribute):
        return
    elif name == "config_from_object":
        _take_object(config, call)
        yield call.lineno
    elif name in {"update", "add_defaults"} and _is_conf(function.value):
        for arg in call.args:
            config.put_all(config.module.table(arg))
        _take_words(config, call.keywords)
        yield call.lineno
    elif name in {"config_from_envvar", "setup_defaults"}:
        config.complete = False


def _take_words(config: CeleryConfig, words: Iterable[ast.keyword]) -> None:
    for word in words:
        if word.arg is None:
            config.put_all(config.module.table(word.value))
        else:
            config.put(word.arg, word.lineno, word.value)


def _take_object(config: CeleryConfig, call: ast.Call) -> None:
    """`config_from_object(Class)` with the class in this file; else it is elsewhere."""
    name = getattr(call.args[0], "id", None) if call.args else None
    for node in config.module.nodes:
        if isinstance(node, ast.ClassDef) and node.name == name and not node.bases:
            _take_assignments(config, node.body)
            return
    config.complete = False


def _take_module(config: CeleryConfig) -> bool:
    """A module of settings: two or more of Celery's names, broker or backend among them."""
    _take_assignments(config, config.module.tree.body)
    # Django's settings (upper case) are read through a namespace; Celery's own module is all.
    config.complete = any(name.id.islower() for name in _module_names(config.module))
    return len(config.settings) > 1 and bool(MARKS_A_MODULE & set(config.settings))


def _module_names(module: Module) -> Iterator[ast.Name]:
    for node in module.tree.body:
        if isinstance(node, ast.Assign):
            yield from (
                t for t in node.targets if isinstance(t, ast.Name) and t.id in MARKS_A_MODULE
            )


def _take_assignments(config: CeleryConfig, body: Iterable[ast.stmt]) -> None:
    for node in body:
        if isinstance(node, ast.Assign):
            for target in node.targets:
                if isinstance(target, ast.Name) and KNOWN.fullmatch(canonical(target.id)):
                    config.put(target.id, target.lineno, node.value)


def _is_conf(node: ast.expr) -> bool:
    return isinstance(node, ast.Attribute) and node.attr == "conf"


def _conf_key(module: Module, target: ast.expr) -> str | None:
    """`app.conf.name` or `app.conf["name"]` on the left of an assignment."""
    if isinstance(target, ast.Attribute) and _is_conf(target.value):
        return target.attr
    if isinstance(target, ast.Subscript) and _is_conf(target.value):
        key = module.literal(target.slice)
        return key if isinstance(key, str) else None
    return None


def _texts(module: Module, node: ast.expr) -> Iterator[str]:
    """The strings and names in an expression, names followed once."""
    for outer in ast.walk(node):
        inner = module.node(outer) if isinstance(outer, ast.Name) else outer
        for each in ast.walk(inner):
            for attribute in ("id", "attr", "value"):
                text = getattr(each, attribute, None)
                if isinstance(text, str):
                    yield text
