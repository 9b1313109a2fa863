"""The kernel plane: what only the network itself can do to a connection."""

from __future__ import annotations

from typing import ClassVar

from stallproof.faults.base import Fault, Plane
from stallproof.sites.base import EVERY, BrokerCommands, Link, Route, Sockets


class IdleReset(Fault, frozen=True, kw_only=True, tag="idle-reset"):
    plane: ClassVar[Plane] = "kernel"
    needs = (Sockets, BrokerCommands)
    route = Route.DIRECT
    lasting = False

    links: tuple[Link, ...] = EVERY
    min_idle_s: float = 0.0
