"""Thresholds as data: what a gate demands beyond the scenarios' own limits."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Container, Mapping
from importlib.resources import files
from math import isnan
from pathlib import Path

import msgspec

from stallproof.wish import PlanError

DEFAULTS = "thresholds.toml"


class ThresholdsError(PlanError):
    """A thresholds file cannot be used: one line saying what, where, what would be right."""


class Bounds(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The most that may be measured in any run; `thresholds.toml` says what each is."""

    min_runs_valid: int | None = None
    """The one lower bound: so many runs are made at least, and all must be valid."""
    boot_s: float | None = None
    recovery_s: float | None = None
    drain_s: float | None = None
    stall_s: float | None = None
    hidden_stall_s: float | None = None
    accept_p95_s: float | None = None
    accept_slowest_s: float | None = None
    accept_failed_percent: float | None = None
    lost_stories: float | None = None
    unfinished_stories: float | None = None
    duplicated_percent: float | None = None

    def __post_init__(self) -> None:
        for name, value in self.named().items():
            least = 1 if name == "min_runs_valid" else 0
            if isnan(value) or value < least:
                raise ValueError(f"{name} is {value}: it must be {least} or more")

    def named(self) -> dict[str, float]:
        """The bounds that are set, by name."""
        values = {name: getattr(self, name) for name in self.__struct_fields__}
        return {name: value for name, value in values.items() if value is not None}

    def under(self, other: Bounds) -> Bounds:
        """These, with those of `other` in their place where it has any."""
        return msgspec.structs.replace(self, **other.named())


class Thresholds(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Bounds for every scenario, and for some by name, which then count for more."""

    every: Bounds = Bounds()
    scenario: dict[str, Bounds] = {}

    def of(self, scenario: str) -> Bounds:
        return self.every.under(self.scenario.get(scenario, Bounds()))

    def under(self, other: Thresholds) -> Thresholds:
        """These, with what `other` says in their place."""
        names = self.scenario.keys() | other.scenario.keys()
        return Thresholds(
            every=self.every.under(other.every),
            scenario={
                name: self.scenario.get(name, Bounds()).under(other.scenario.get(name, Bounds()))
                for name in sorted(names)
            },
        )


def load_thresholds(path: Path | None, *, known: Container[str]) -> Thresholds:
    """The defaults, with what the file at `path` says in their place.

    Args:
        path: TOML as `thresholds.toml`; None for the defaults alone.
        known: the names of all scenarios there are.

    Raises:
        ThresholdsError: no such file, not TOML (with its line), a key or value that is wrong.
    """
    default = (files("stallproof.gate") / DEFAULTS).read_text(encoding="utf-8")
    thresholds = _parse(default, DEFAULTS)
    if path is None:
        return thresholds
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise ThresholdsError(f"--thresholds {path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ThresholdsError(f"--thresholds {path}: not UTF-8 text") from None
    own = _parse(text, str(path))
    for name in own.scenario:
        if name not in known:
            raise ThresholdsError(
                f"--thresholds {path}: scenario.{name}: there is no scenario of that name "
                "(see `stallproof list`)"
            )
    return thresholds.under(own)


def _parse(text: str, where: str) -> Thresholds:
    try:
        document: Mapping[str, object] = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ThresholdsError(f"--thresholds {where}: not TOML: {error}") from None
    try:
        return msgspec.convert(document, Thresholds)
    except msgspec.ValidationError as error:
        raise ThresholdsError(f"--thresholds {where}: {_plainly(str(error))}") from None


def _plainly(said: str) -> str:
    """A sentence of msgspec's with the key first: `every.drain_s: Expected `float | null`...`."""
    what, _, key = said.partition(" - at `$")
    key = key.rstrip("`").lstrip(".").replace("[...]", ".*")
    if "unknown field" in what:
        allowed = Bounds.__struct_fields__ if key else Thresholds.__struct_fields__
        unknown = "".join(re.findall(r"`(.+)`", what))
        what = f"no such key: {unknown}; there are: {', '.join(allowed)}"
    return f"{key}: {what}" if key else what
