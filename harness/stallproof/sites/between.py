"""The capabilities that act between the services and the broker: on a proxy, or on the packets.

System.use(Flows).cut(links, way=Way.BOTH)
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

import msgspec

from stallproof.sites.base import Address, Link, Way


@runtime_checkable
class Proxies(Protocol):
    """A real Toxiproxy server with one proxy a link. Offered only on the proxied route."""

    @property
    def control(self) -> Address:
        """Toxiproxy's HTTP API."""

    def name_of(self, link: Link) -> str:
        """The proxy's name in Toxiproxy."""

    def listen_of(self, link: Link) -> Address:
        """Where that proxy accepts connections, as the harness reaches it (for wire probes)."""


@runtime_checkable
class Sockets(Protocol):
    """The kernel's TCP sockets on the broker's host. Useful only on the direct route."""

    async def idle_for_s(self, link: Link) -> Sequence[float]:
        """For each established socket of the link: seconds since data last crossed it."""

    async def destroy(self, link: Link, *, min_idle_s: float = 0.0) -> int:
        """SOCK_DESTROY them: the peer gets a real RST. Answers how many there were."""


class Impediment(msgspec.Struct, frozen=True, kw_only=True):
    """What the network does to the packets of some links for a while."""

    links: tuple[Link, ...]
    way: Way = Way.BOTH
    only_new: bool = False
    """Only the packet that opens a connection; those that are open go on."""
    refuses: bool = False
    """Answer with a reset. Otherwise the packet vanishes."""
    percent: float = 100.0
    """Of the packets, drawn at random."""
    unsent: bool = False
    """What the client's side sends is stopped before anything on the way sees it, as if it had
    never been sent: no memory of connections is renewed by it."""


@runtime_checkable
class Firewall(Protocol):
    """Packet rules between the services and the broker. Useful only on the direct route."""

    async def impose(self, name: str, impediment: Impediment) -> None:
        """Put it in force under a name of its own; again under the same name: nothing."""

    async def lift(self, name: str) -> bool:
        """Take it off; False: there was none of that name."""

    async def hits(self, name: str) -> int:
        """How many packets it has stopped so far."""


@runtime_checkable
class Flows(Protocol):
    """The connections that exist at a moment, seen from the middle of the network."""

    async def cut(self, links: Sequence[Link], *, way: Way, reset: bool = False) -> Sequence[str]:
        """From now on, and for good, each packet of theirs in that direction vanishes.

        With `reset` its sender is answered by RST. New connections are not touched. Answers the
        clients (`ip:port`) that were not cut before. Never undone: a healed flow resumes by
        retransmission and hides the loss.
        """


@runtime_checkable
class Conntrack(Protocol):
    """The network's memory of connections, as a NAT or a stateful firewall has it."""

    async def forget_idle(self, links: Sequence[Link], *, idle_s: int, client_renews: bool) -> None:
        """Forget a connection over which nothing went for that long (keepalive probes count).

        What then comes of it vanishes; with `client_renews` only what comes from the
        broker does, until the client sends one packet, which renews it. Connections that were
        idle before count from now.
        """

    async def remember(self, links: Sequence[Link]) -> None:
        """Forget idle ones no longer. What is forgotten stays so."""

    async def flush(self, links: Sequence[Link]) -> Sequence[str]:
        """Forget every connection of the links at once, for good. Answers their clients."""

    async def entries(self) -> Sequence[str]:
        """What it remembers now of the links' connections, a line each."""
