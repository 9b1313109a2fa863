"""What a run has at the engine, told by its labels."""

from __future__ import annotations

import contextlib
import time
from pathlib import Path

from testcontainers.core.labels import LABEL_SESSION_ID

from stallproof.sites.docker.containers import LABEL
from stallproof.sites.docker.engine import connect

GONE_S = 60.0
"""For the reaper to notice and to remove everything, on a crowded machine."""


def at_the_engine(folder: Path) -> dict[str, list[str]]:
    """By kind, what runs below that folder have made; kinds without any are left out."""
    with contextlib.closing(connect()) as client:
        wanted = {"label": LABEL}
        found = {
            "containers": client.containers.list(all=True, filters=wanted, ignore_removed=True),
            "networks": client.networks.list(filters=wanted),
            "volumes": client.volumes.list(filters=wanted),
        }
        mine: dict[str, list[str]] = {}
        for kind, things in found.items():
            for thing in things:
                labels = thing.labels if kind == "containers" else thing.attrs["Labels"]
                if labels[LABEL].startswith(str(folder)):
                    mine.setdefault(kind, []).append(str(thing.id))
                    mine.setdefault("sessions", []).append(labels[LABEL_SESSION_ID])
        sessions = set(mine.pop("sessions", []))
    return mine | ({"sessions": sorted(sessions)} if sessions else {})


def reapers(sessions: list[str]) -> list[str]:
    """Those of the sessions whose reaper is still there."""
    with contextlib.closing(connect()) as client:
        names = {one.name for one in client.containers.list(all=True, ignore_removed=True)}
    return [one for one in sessions if f"testcontainers-ryuk-{one}" in names]


def nothing_left(folder: Path, sessions: list[str]) -> None:
    """Wait until runs below that folder have nothing at the engine, nor a reaper."""
    deadline = time.monotonic() + GONE_S
    while left := (at_the_engine(folder) or reapers(sessions)):
        assert time.monotonic() < deadline, f"waited {GONE_S} s for it to go: {left}"
        time.sleep(0.1)
