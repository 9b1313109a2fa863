"""What one row of the calibration is: a fault, its settings, and who looks at it."""

from __future__ import annotations

from typing import Literal

import msgspec

from stallproof.faults import AnyFault
from stallproof.sites.base import API, WORKER, Link, Route
from stallproof.sites.capabilities import BrokerCommands, Revisions, Wiretap

LINKS = (Link.API_BROKER, Link.WORKER_BROKER)
"""Where the clients stand: where the API does and where the worker does."""
assert {LINKS[0] in API, LINKS[1] in WORKER} == {True}

PROBES = ("waits", "next", "new", "redis-py", "broker")
"""The bare clients of the broker, and what the broker makes of two of them."""
INSTANCE_PROBES = (
    "connections",
    "held",
    "request",
    "newcomer",
    "process",
    "afterwards",
    "consumers",
)
"""Of an instance: its own connections at the broker, three clients of its port, its first process,
who answers at its port in the end, how many ask the broker for work."""


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One fault with its settings, on one way to the broker."""

    name: str
    fault: AnyFault
    route: Route
    wait_s: float = 0.0
    """How long after its begin the clients stay quiet: what is forgotten only when idle."""
    deadline_s: float = 1.2
    """How long a client waits before it calls it silence."""
    asks: tuple[str, ...] = ("PING",)
    """What the clients ask."""
    logs_in: bool = False
    """The client that connects anew logs in first: where that, or who asks, decides the answer."""

    @property
    def probes(self) -> tuple[str, ...]:
        """Those that see something of it."""
        return PROBES

    @property
    def needs(self) -> tuple[type, ...]:
        """The capabilities that measuring it takes."""
        return self.fault.needed


class Ground(msgspec.Struct, frozen=True, kw_only=True):
    """A booted system. Rows of the same one are measured in it, one after the other."""

    services: tuple[str, ...]
    task_s: float
    """How long one story takes."""
    front: bool = False
    """Something stands before the API."""


class InstanceRow(Row, frozen=True, kw_only=True):
    """A fault of an instance: clients of the instance's own port, and the broker's side of it."""

    route: Route = Route.DIRECT
    service: Literal["api", "worker"]
    ground: Ground
    instances: int = 1
    """There are so many before."""
    busy: bool = False
    """It hits one that has a task in hand."""
    hears: bool = False
    """The clients wait for the instance to close the connection that one of them holds."""
    stands_still: bool = False
    """The instance stands still meanwhile, and its packets get nowhere: bare clients of the broker
    stand in its place, too."""
    fronted: bool = False
    """Clients come to the API through what stands before it."""
    asked: bool = False
    """Clients submit stories through the front all the while: without any, no instance of the API
    is at work, and none that is new takes any up."""
    successor: bool = False
    """The site starts the instance again: that is waited for."""

    @property
    def probes(self) -> tuple[str, ...]:
        """Only the API has requests that last, only the worker asks for work."""
        missing = "consumers" if self.service == "api" else "request"
        own = tuple(probe for probe in INSTANCE_PROBES if probe != missing)
        return (*PROBES, *own) if self.stands_still else own

    @property
    def needs(self) -> tuple[type, ...]:
        return (*self.fault.needed, BrokerCommands, Revisions, Wiretap)

    @property
    def link(self) -> Link:
        """The instance's way to the broker."""
        return LINKS[self.service == "worker"]
