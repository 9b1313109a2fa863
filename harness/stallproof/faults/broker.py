"""The broker plane: what happens to the broker's own process, and what it does to its clients."""

from __future__ import annotations

from typing import ClassVar, Literal

from stallproof.faults.base import Fault, Plane
from stallproof.sites.base import EVERY, BrokerCommands, BrokerProcess, Link


class BrokerRestart(Fault, frozen=True, kw_only=True, tag="broker-restart"):
    plane: ClassVar[Plane] = "broker"
    needs = (BrokerProcess, BrokerCommands)

    how: Literal["graceful", "killed"] = "killed"
    empty: bool = False
    """Its data is gone when it comes back (a Basic-tier replacement)."""


class ClientKill(Fault, frozen=True, kw_only=True, tag="client-kill"):
    plane: ClassVar[Plane] = "broker"
    needs = (BrokerCommands,)
    lasting = False

    kind: Literal["normal", "pubsub"] = "normal"
    links: tuple[Link, ...] = EVERY
