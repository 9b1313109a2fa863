"""Faults of the kernel plane that stop packets for a while: new connections, all, or some."""

from __future__ import annotations

from typing import Any, ClassVar

import anyio

from stallproof.faults.base import Fault, Observation, Plane
from stallproof.faults.canary import ask, dial_there, open_canaries
from stallproof.faults.validate import check_between, check_links
from stallproof.faults.wire import observation
from stallproof.sites.base import EVERY, Link, Route, System, Way
from stallproof.sites.between import Firewall, Flows, Impediment
from stallproof.sites.capabilities import Vantage


class _Stop(Fault, frozen=True, kw_only=True):
    """An impediment on the links from begin to end."""

    plane: ClassVar[Plane] = "kernel"
    needs: ClassVar[tuple[type, ...]] = (Firewall, Vantage)
    route = Route.DIRECT
    cuts = False
    kernel_timers: ClassVar[bool] = True
    real_time: ClassVar[bool] = True

    links: tuple[Link, ...] = EVERY

    def __post_init__(self) -> None:
        check_links(self.links)

    def impediment(self) -> Impediment:
        raise NotImplementedError

    async def begin(self, system: System) -> dict[str, Any]:
        """`canaries`: connections opened just before. Raises OSError: the kernel refused."""
        canaries = await open_canaries(system, self.links)
        await system.use(Firewall).impose(self._rule, self.impediment())
        return {"canaries": canaries}

    async def end(self, system: System) -> dict[str, Any]:
        """`stopped`: how many packets met it. Raises OSError: the kernel refused."""
        firewall = system.use(Firewall)
        stopped = await firewall.hits(self._rule)
        return {"stopped": stopped, "lifted": await firewall.lift(self._rule)}

    @property
    def _rule(self) -> str:
        """Named after the settings too: two faults of a kind may overlap."""
        return " ".join([self.describe(), *self.links])


class Refuse(_Stop, frozen=True, kw_only=True, tag="refuse"):
    """New connections are refused (RST in answer to SYN: ECONNREFUSED); open ones go on.

    It stands for a listener that is down, or a firewall that rejects.
    """

    kernel_timers = False
    real_time = False

    def describe(self) -> str:
        return "refuse new connections"

    def impediment(self) -> Impediment:
        return Impediment(links=self.links, way=Way.TO_BROKER, only_new=True, refuses=True)

    async def observe(self, system: System, begun: dict[str, Any]) -> Observation:
        """New connections get ECONNREFUSED, those opened before go on."""
        fresh = observation(
            await dial_there(system, self.links), lambda one: one.outcome == "refused"
        )
        return await _open_ones_go_on(system, begun, fresh)


class BlackholeConnect(_Stop, frozen=True, kw_only=True, tag="blackhole-connect"):
    """The packets that open a connection vanish: a connect waits; open connections go on.

    Direct VPC egress on Cloud Run has such a cold path: a connect may take a minute at start.
    """

    def describe(self) -> str:
        return "drop new connections in silence"

    def impediment(self) -> Impediment:
        return Impediment(links=self.links, way=Way.TO_BROKER, only_new=True)

    async def observe(self, system: System, begun: dict[str, Any]) -> Observation:
        """New connections do not come about, those opened before go on."""
        fresh = observation(
            await dial_there(system, self.links),
            lambda one: one.outcome == "timeout" and not one.connected,
        )
        return await _open_ones_go_on(system, begun, fresh)


class Partition(_Stop, frozen=True, kw_only=True, tag="partition"):
    """Nothing passes, neither old nor new, neither way (or one way only).

    At the end new connections work. Those of before stay dead: the network that comes back
    knows nothing of them, and one that resumed would hide what was lost.
    """

    needs = (Firewall, Flows, Vantage)

    way: Way = Way.BOTH

    def describe(self) -> str:
        return "partition" + ("" if self.way is Way.BOTH else f" {self.way}")

    def impediment(self) -> Impediment:
        return Impediment(links=self.links, way=self.way)

    async def begin(self, system: System) -> dict[str, Any]:
        """Also `cut`: how many connections were open, canaries among them."""
        begun = await super().begin(system)
        return begun | {"cut": len(await system.use(Flows).cut(self.links, way=self.way))}

    async def observe(self, system: System, begun: dict[str, Any]) -> Observation:
        """Neither do new connections come about nor do those opened before hear anything."""
        fresh = observation(await dial_there(system, self.links), lambda one: not one.connected)
        heard = await ask(system, begun["canaries"])
        silent = sum(said == "silence" for said in heard.values())
        return Observation(
            bit=fresh.bit and silent == len(heard),
            seen=f"{fresh.seen}; {silent} of {len(heard)} opened before meet silence",
            numbers=fresh.numbers | {"canaries": silent},
        )


class Loss(_Stop, frozen=True, kw_only=True, tag="loss"):
    """A share of all packets vanishes, drawn at random by the kernel, both ways or one.

    TCP retransmits, so what a client sees is delay: 0.2 s and more for each packet that was lost.
    """

    percent: float = 10.0
    way: Way = Way.BOTH

    def __post_init__(self) -> None:
        super().__post_init__()
        check_between("percent", self.percent, 0.1, 90)

    def describe(self) -> str:
        return f"lose {self.percent:g} % of packets" + (
            "" if self.way is Way.BOTH else f" {self.way}"
        )

    def impediment(self) -> Impediment:
        return Impediment(links=self.links, way=self.way, percent=self.percent)

    async def observe(self, system: System, begun: dict[str, Any]) -> Observation:  # noqa: ARG002 (what begin answered proves nothing here)
        """The kernel drops packets of the system or, for lack of them, of bare clients."""
        firewall = system.use(Firewall)
        tries = 0
        with anyio.move_on_after(2.0):
            while not await firewall.hits(self._rule):
                await dial_there(system, self.links, rounds=50, deadline_s=0.5)
                tries += 1
        lost = await firewall.hits(self._rule)
        return Observation(
            bit=lost > 0,
            seen=f"{lost} packets lost, {tries * 50} questions of bare clients a link among them",
            numbers={"lost": lost, "questions": tries * 50},
        )


async def _open_ones_go_on(
    system: System, begun: dict[str, Any], fresh: Observation
) -> Observation:
    heard = await ask(system, begun["canaries"])
    answers = sum(said == "answer" for said in heard.values())
    return Observation(
        bit=fresh.bit and answers == len(heard),
        seen=f"{fresh.seen}; {answers} of {len(heard)} opened before go on",
        numbers=fresh.numbers | {"canaries": answers},
    )
