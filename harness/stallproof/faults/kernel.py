"""The kernel plane: what only the network itself can do to a connection."""

from __future__ import annotations

from typing import Any, ClassVar

from stallproof.faults.base import Fault, Observation, Plane
from stallproof.faults.clients import clients_of, gone_within
from stallproof.faults.validate import check_between, check_links
from stallproof.sites.base import EVERY, Link, Route, System, named
from stallproof.sites.between import Sockets
from stallproof.sites.capabilities import BrokerCommands


class IdleReset(Fault, frozen=True, kw_only=True, tag="idle-reset"):
    """A real RST on connections that are open and idle: no proxy can do that.

    The kernel destroys the broker's socket (SOCK_DESTROY, see `stallproof.sites.sockdiag`) and
    tells the client by RST. A client that waits gets ECONNRESET (104) at once, one that is idle
    gets it at its next call. The broker stays up: new connections work.

    It stands for whatever forgets an idle connection and then answers with a reset; Cloud Run
    closes idle ones to a VPC after 10 minutes. One that forgets in silence is another fault.
    """

    plane: ClassVar[Plane] = "kernel"
    needs = (Sockets, BrokerCommands)
    route = Route.DIRECT
    lasting = False

    links: tuple[Link, ...] = EVERY
    min_idle_s: float = 0.0
    """Spare connections that data crossed, either way, less than this long ago. An hour at most."""

    def __post_init__(self) -> None:
        check_links(self.links)
        check_between("min_idle_s", self.min_idle_s, 0, 3600)

    def describe(self) -> str:
        idle = f" idle for {self.min_idle_s:g} s or more" if self.min_idle_s else ""
        return f"reset the connections of {named(self.links)}{idle}"

    async def begin(self, system: System) -> dict[str, Any]:
        """`sockets`: how many were destroyed; `idle_s`, per link: for how long each had been
        idle; `spared`, per link: how many were too busy; `ids`: the clients there were.

        Raises:
            OSError: the kernel refused (`stallproof.sites.sockdiag.SockDiagError`).
        """
        sockets = system.use(Sockets)
        commands = system.use(BrokerCommands)
        try:
            ids = [client.id for client in await clients_of(commands, self.links)]
        except ConnectionError:  # a broker that is down has no sockets either
            ids = []
        destroyed = 0
        idle_s: dict[str, list[float]] = {}
        spared: dict[str, int] = {}
        for link in self.links:
            # The kernel counts in real time, a schedule in the system's.
            all_s = [idle * system.clock.speed for idle in await sockets.idle_for_s(link)]
            idle_s[link] = sorted(idle for idle in all_s if idle >= self.min_idle_s)
            spared[link] = len(all_s) - len(idle_s[link])
            destroyed += await sockets.destroy(
                link, min_idle_s=system.clock.real_s(self.min_idle_s)
            )
        return {"sockets": destroyed, "idle_s": idle_s, "spared": spared, "ids": ids}

    async def observe(self, system: System, begun: dict[str, Any]) -> Observation:
        """There were some, and at least as many of the clients are gone from the broker's list."""
        commands = system.use(BrokerCommands)
        destroyed, before = begun["sockets"], begun["ids"]
        spared = sum(begun["spared"].values())
        left = await gone_within(1.0, commands, self.links, before, but=len(before) - destroyed)
        gone = len(before) - len(left)
        return Observation(
            bit=0 < destroyed <= gone,
            seen=f"{destroyed} sockets reset, {spared} spared; {gone} clients gone",
            numbers={"sockets": destroyed, "spared": spared, "gone": gone},
        )
