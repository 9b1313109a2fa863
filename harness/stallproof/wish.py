"""What a person asked for."""

from __future__ import annotations

import msgspec

from stallproof.load.command import LocustLoad
from stallproof.model import Scenario
from stallproof.sites.choice import LOCAL


class PlanError(ValueError):
    """What was asked for cannot be run: one line saying what, where, what would be right."""


class Wish(msgspec.Struct, frozen=True, kw_only=True):
    """What a person asked for."""

    scenarios: tuple[Scenario, ...]
    profiles: tuple[str, ...]
    stacks: tuple[str, ...] = ("locked",)
    repeat: int = 1
    worker_args: tuple[str, ...] = ()
    settings: dict[str, object] = {}
    """Single settings to change, by dotted key."""
    unset: tuple[str, ...] = ()
    """Single settings to leave out, by dotted key, and worker flags of the profile, by name."""
    speed: float | None = None
    """Seconds of system time in a real one; None: the most that each scenario allows."""
    broker: str | None = None
    site: str = LOCAL
    """Where to run (`stallproof.sites.choice.SITES`). `LOCAL` becomes `LOOPBACK` where the
    machine refuses namespaces."""
    image: str | None = None
    """The system's image, on a site of containers."""
    locust: LocustLoad | None = None
    """Locust plays the clients of every scenario; None: the harness does."""
    command: tuple[str, ...] = ()
    """The whole command where it is another than `stallproof run`."""
