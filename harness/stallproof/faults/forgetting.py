"""Faults of the kernel plane that stand: a network that forgets idle connections all the time."""

from __future__ import annotations

from typing import Any, ClassVar

import anyio

from stallproof.faults.base import Fault, Observation, Plane
from stallproof.faults.canary import ask, open_canaries
from stallproof.faults.validate import check_between, check_links
from stallproof.sites.base import EVERY, Link, Route, System
from stallproof.sites.between import Conntrack
from stallproof.sites.capabilities import BrokerCommands, Vantage

LATE_S = 1.0
"""How much longer than set the canaries are left alone: the kernel counts in whole seconds."""


class _Forgetting(Fault, frozen=True, kw_only=True):
    """What is idle for that long is forgotten, from begin to end."""

    plane: ClassVar[Plane] = "kernel"
    needs: ClassVar[tuple[type, ...]] = (Conntrack, Vantage)
    route = Route.DIRECT
    cuts = False
    standing = True
    kernel_timers = True
    real_time = True
    client_renews: ClassVar[bool]

    links: tuple[Link, ...] = EVERY
    idle_s: int = 600
    """Both ways nothing, not even a keepalive probe, for this long. Cloud Run's VPC: 600."""

    def __post_init__(self) -> None:
        check_links(self.links)
        check_between("idle_s", self.idle_s, 1, 86_400)

    async def begin(self, system: System) -> dict[str, Any]:
        """`canaries`: connections opened just before. Raises OSError: the kernel refused."""
        canaries = await open_canaries(system, self.links)
        await system.use(Conntrack).forget_idle(
            self.links, idle_s=self.idle_s, client_renews=self.client_renews
        )
        return {"canaries": canaries}

    async def end(self, system: System) -> dict[str, Any]:
        """What was forgotten stays so. Raises OSError: the kernel refused."""
        await system.use(Conntrack).remember(self.links)
        return {}


class NatIdleExpiry(_Forgetting, frozen=True, kw_only=True, tag="nat-idle-expiry"):
    """Connections idle for `idle_s` are forgotten, and what comes of them then vanishes.

    A condition to live with, not an accident: place it at 0. Keepalive probes keep a connection
    remembered if they come more often; data sent over one that is forgotten meets silence.

    A NAT does that, and Cloud Run's way to a VPC after ten minutes.
    """

    client_renews = False

    def describe(self) -> str:
        return f"forget connections idle for {self.idle_s} s"

    async def observe(self, system: System, begun: dict[str, Any]) -> Observation:
        """Left alone for that long, a connection opened before meets silence. Takes `idle_s`."""
        await anyio.sleep(self.idle_s + LATE_S)
        heard = await ask(system, begun["canaries"])
        silent = sum(said == "silence" for said in heard.values())
        return Observation(
            bit=silent == len(heard),
            seen=f"{silent} of {len(heard)} connections left idle for {self.idle_s} s meet silence",
            numbers={"canaries": silent, "idle_s": self.idle_s},
        )


class VpcInboundExpiry(_Forgetting, frozen=True, kw_only=True, tag="vpc-inbound-expiry"):
    """Connections idle for `idle_s` are forgotten for what comes from the broker only.

    Its pushes vanish until the client sends one packet (a keepalive probe will do), and then
    arrive by retransmission. So a client that only waits hears nothing more.

    Source: Google's documentation of VPC connection tracking: after ten idle minutes inbound
    packets are dropped, and an outbound one makes the connection known again.
    """

    needs = (Conntrack, BrokerCommands, Vantage)
    client_renews = True

    def describe(self) -> str:
        return f"forget connections idle for {self.idle_s} s towards the client"

    async def observe(self, system: System, begun: dict[str, Any]) -> Observation:
        """The broker's close of an idle connection does not arrive before its client speaks."""
        await anyio.sleep(self.idle_s + LATE_S)
        commands = system.use(BrokerCommands)
        for name in begun["canaries"].values():
            if name is not None:
                await commands.execute("CLIENT", "KILL", "ADDR", name)
        before = await ask(system, begun["canaries"], payload=b"")
        after = await ask(system, begun["canaries"])
        unheard = sum(said == "silence" for said in before.values())
        renewed = sum(said in ("eof", "reset") for said in after.values())
        return Observation(
            bit=unheard == renewed == len(before),
            seen=f"{unheard} of {len(before)} connections left idle for {self.idle_s} s do not "
            f"hear that the broker closes them, {renewed} do once they speak",
            numbers={"unheard": unheard, "renewed": renewed, "idle_s": self.idle_s},
        )
