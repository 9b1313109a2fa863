"""Faults of the kernel plane that end the connections of a moment; new ones work.

All are done in an instant and for good: a flow that is let through again resumes by
retransmission and hides the loss.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from stallproof.faults.base import Fault, Observation, Plane
from stallproof.faults.canary import ask, dial_there, open_canaries, told
from stallproof.faults.validate import check_links
from stallproof.sites.base import EVERY, Link, Route, System, Way, named
from stallproof.sites.between import Conntrack, Flows
from stallproof.sites.capabilities import Vantage


class _Cut(Fault, frozen=True, kw_only=True):
    """What the faults here have in common: the links, and the canaries opened just before."""

    plane: ClassVar[Plane] = "kernel"
    route = Route.DIRECT
    lasting = False
    kernel_timers = True  # a keepalive probe is a packet like another, and finds out

    links: tuple[Link, ...] = EVERY

    def __post_init__(self) -> None:
        check_links(self.links)

    async def begin(self, system: System) -> dict[str, Any]:
        """`flows`: how many connections of the system there were; `canaries`: ours, by link.

        Raises:
            OSError: the kernel refused.
        """
        canaries = await open_canaries(system, self.links)
        vantage = system.use(Vantage)
        hit = [name for name in await self.act(system) if vantage.kept(name) is None]
        return {"flows": len(hit), "canaries": canaries}

    async def act(self, system: System) -> Sequence[str]:
        """Do it to all that are open. Answers their clients."""
        raise NotImplementedError


class SilentDrop(_Cut, frozen=True, kw_only=True, tag="silent-drop"):
    """Every packet of the connections that exist at this moment vanishes. Nobody is told.

    A client that waits goes on waiting, one that sends retransmits: for a quarter of an hour
    unless an option ends it (TCP_USER_TIMEOUT, socket_timeout). New connections work.

    It stands for a NAT, a firewall or a network path that is replaced and knows nothing of the
    connections of the one before.
    """

    needs = (Flows, Vantage)
    cuts = False

    way: Way = Way.BOTH
    """One way only: `to-broker` requests vanish, `to-client` answers do (and what the broker
    acknowledges, so that either way the sender retransmits)."""

    def describe(self) -> str:
        direction = "" if self.way is Way.BOTH else f" {self.way}"
        return f"drop the open connections of {named(self.links)} in silence{direction}"

    async def act(self, system: System) -> Sequence[str]:
        return await system.use(Flows).cut(self.links, way=self.way)

    async def observe(self, system: System, begun: dict[str, Any]) -> Observation:
        """A question over a connection opened before meets silence, over a new one an answer."""
        return told(
            flows=begun["flows"],
            heard=await ask(system, begun["canaries"]),
            awaited="silence",
            fresh=await dial_there(system, self.links),
        )


class Rst(_Cut, frozen=True, kw_only=True, tag="rst"):
    """The next packet of each connection that exists at this moment is answered by a reset.

    One that is idle stays as it is until somebody uses it, and gets ECONNRESET then; one that is
    busy gets it at once. The broker is told only when it sends something itself. (A reset that
    waits for no packet is `idle-reset`.)

    It stands for a middlebox that has forgotten a connection and says so.
    """

    needs = (Flows, Vantage)

    def describe(self) -> str:
        return f"answer the open connections of {named(self.links)} by RST when used"

    async def act(self, system: System) -> Sequence[str]:
        return await system.use(Flows).cut(self.links, way=Way.BOTH, reset=True)

    async def observe(self, system: System, begun: dict[str, Any]) -> Observation:
        """A question over a connection opened before meets a reset, over a new one an answer."""
        return told(
            flows=begun["flows"],
            heard=await ask(system, begun["canaries"]),
            awaited="reset",
            fresh=await dial_there(system, self.links),
        )


class ConntrackFlush(_Cut, frozen=True, kw_only=True, tag="conntrack-flush"):
    """The network forgets all connections of the links; what still comes of them vanishes.

    On the wire the same as a silent drop both ways, by what really causes it: a stateful
    middlebox that restarts, and takes packets in the middle of a connection for strays.
    """

    needs = (Conntrack, Vantage)
    cuts = False

    def describe(self) -> str:
        return f"forget the connections of {named(self.links)}"

    async def act(self, system: System) -> Sequence[str]:
        return await system.use(Conntrack).flush(self.links)

    async def observe(self, system: System, begun: dict[str, Any]) -> Observation:
        """A question over a connection opened before meets silence, over a new one an answer."""
        return told(
            flows=begun["flows"],
            heard=await ask(system, begun["canaries"]),
            awaited="silence",
            fresh=await dial_there(system, self.links),
        )
