"""From a profile and its overrides to what Celery and this application are given."""

from __future__ import annotations

import ast
import copy
import functools
import shlex
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from storymimi import profiles
from storymimi.settings import BadSettingsError, Settings

APP_KEYS: dict[str, tuple[Any, ...]] = {
    "app.outbox": (False, True),
    "app.health": ("always-ok", "consumer-progress"),
    "app.remap_sigterm": (None, "SIGQUIT"),
}
"""Our own settings: what each may be, its default first."""


@dataclass(frozen=True, kw_only=True)
class Effective:
    """One setting in force, and the line that sets it."""

    key: str
    value: Any
    why: str | None
    where: str


@dataclass(frozen=True, kw_only=True)
class Configuration:
    profile: str
    settings: tuple[Effective, ...]
    worker_args: tuple[str, ...]
    celery: Mapping[str, Any]
    """Nested, as `app.conf.update` takes it."""
    outbox: bool
    """The stored story is the outbox: claims, leases and a reconciler."""
    health: Literal["always-ok", "consumer-progress"]
    remap_sigterm: str | None


def configuration_of(settings: Settings) -> Configuration:
    """What the environment asks for.

    Raises:
        BadSettingsError: no such profile, or an override that would change nothing it names.
    """
    name = settings.storymimi_profile
    profile = profiles.PROFILES.get(name)
    if profile is None:
        known = ", ".join(profiles.PROFILES)
        raise BadSettingsError(f"STORYMIMI_PROFILE: no profile {name!r}; there are: {known}")
    flags = tuple(each for each in settings.unset if each.startswith("--"))
    keys = tuple(each for each in settings.unset if each not in flags)
    effective = _effective(profile, overrides=settings.storymimi_set, unset=keys)
    nested: dict[str, Any] = {}
    app = {key: choices[0] for key, choices in APP_KEYS.items()}
    for setting in effective:
        if setting.key.startswith("app."):
            app[setting.key] = _app_value(setting)
        else:
            _put(nested, setting)
    try:
        extra_args = tuple(shlex.split(settings.storymimi_worker_args))
    except ValueError as error:
        raise BadSettingsError(f"STORYMIMI_WORKER_ARGS: {error}") from None
    return Configuration(
        profile=name,
        settings=tuple(effective),
        worker_args=_without(profile.worker_args, flags) + extra_args,
        celery=nested,
        outbox=app["app.outbox"],
        health=app["app.health"],
        remap_sigterm=app["app.remap_sigterm"],
    )


def _effective(
    profile: profiles.Profile, *, overrides: Mapping[str, Any], unset: tuple[str, ...]
) -> list[Effective]:
    found: dict[str, Effective] = {}
    for number, block in enumerate(profile.blocks):
        for setting in getattr(profiles, block):
            if number == 0 and any(_below(setting.key, key) for key in profile.without):
                continue
            where = f"profiles.py:{_lines()[block, setting.key]}"
            found[setting.key] = Effective(
                key=setting.key, value=setting.value, why=setting.why, where=where
            )
    for key in unset:
        gone = [other for other in found if _below(other, key)]
        if not gone:
            raise BadSettingsError(f"STORYMIMI_UNSET: the profile does not set {key}")
        for other in gone:
            del found[other]
    for key, value in overrides.items():
        for other in [other for other in found if _below(other, key)]:
            del found[other]
        found[key] = Effective(key=key, value=value, why=None, where="STORYMIMI_SET")
    return list(found.values())


def _without(worker_args: tuple[str, ...], flags: tuple[str, ...]) -> tuple[str, ...]:
    """The arguments but for those flags, whatever their value (`--pool=prefork` is `--pool`)."""
    for flag in flags:
        kept = tuple(each for each in worker_args if each.partition("=")[0] != flag)
        if kept == worker_args:
            raise BadSettingsError(f"STORYMIMI_UNSET: the profile has no worker flag {flag}")
        worker_args = kept
    return worker_args


def _below(key: str, ancestor: str) -> bool:
    return key == ancestor or key.startswith(f"{ancestor}.")


def _app_value(setting: Effective) -> Any:
    choices = APP_KEYS.get(setting.key)
    if choices is None:
        raise BadSettingsError(f"no setting {setting.key}; there are: {', '.join(APP_KEYS)}")
    if setting.value not in choices:
        raise BadSettingsError(f"{setting.key} must be one of {choices}, not {setting.value!r}")
    return setting.value


def _put(nested: dict[str, Any], setting: Effective) -> None:
    """Set a dotted key in nested dicts; `socket.TCP_X` at its end is one key, an integer."""
    path: list[str | int] = list(setting.key.split("."))
    if len(path) > 1 and path[-2] == "socket":
        constant = str(path[-1])
        option = getattr(socket, constant, None)
        if not isinstance(option, int):
            raise BadSettingsError(f"{setting.key}: this platform has no socket.{constant}")
        path[-2:] = [option]
    here: Any = nested
    for part in path[:-1]:
        here = here.setdefault(part, {})
        if not isinstance(here, dict):
            raise BadSettingsError(f"{setting.key}: {part} is a value, it has nothing below it")
    # A copy: Celery writes its defaults into the queues that it is given.
    here[path[-1]] = copy.deepcopy(setting.value)


@functools.cache
def _lines() -> dict[tuple[str, str], int]:
    """The line of each `Setting(...)` in profiles.py, by block and key."""
    tree = ast.parse(Path(profiles.__file__).read_text(encoding="utf-8"))
    return {
        (target.id, call.args[0].value): call.lineno
        for statement in tree.body
        if isinstance(statement, ast.Assign) and isinstance(statement.value, ast.Tuple)
        for target in statement.targets
        if isinstance(target, ast.Name)
        for call in statement.value.elts
        if isinstance(call, ast.Call)
        and isinstance(call.args[0], ast.Constant)
        and isinstance(call.args[0].value, str)
    }


def as_json(configuration: Configuration) -> dict[str, Any]:
    """What `python -m storymimi settings NAME` prints."""
    return {
        "profile": configuration.profile,
        "settings": [
            {"key": each.key, "value": str(each.value), "why": each.why, "where": each.where}
            for each in configuration.settings
        ],
        "worker_args": list(configuration.worker_args),
    }
