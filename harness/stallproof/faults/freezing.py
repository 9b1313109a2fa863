"""Faults of the lifecycle plane that give an instance no CPU for a while."""

from __future__ import annotations

import signal
from typing import Any, ClassVar, Literal

from stallproof.faults.base import Fault, Observation, Plane
from stallproof.faults.canary import ask, dial_there, open_canaries
from stallproof.sites.base import API, WORKER, Link, Route, System, Way
from stallproof.sites.between import Firewall, Flows, Impediment
from stallproof.sites.capabilities import Processes, Vantage


class _Frozen(Fault, frozen=True, kw_only=True):
    """No process of the instance runs from begin to end, and none of its packets gets anywhere.

    A stopped process alone would not do: its kernel goes on acknowledging. So what the broker
    sends vanishes, and is sent again; and what this kernel sends in the instance's stead vanishes
    before the network could take it for a sign of life.

    One thing differs from Cloud Run: the instance's kernel goes on here. Its keepalive probes
    meet nothing, so it may have given a connection up by the thaw, that the instance would else
    find dead, or not, when it next uses it.
    """

    plane: ClassVar[Plane] = "lifecycle"
    needs: ClassVar[tuple[type, ...]] = (Firewall, Processes, Vantage)
    route = Route.DIRECT
    cuts = False
    kernel_timers = True
    real_time = True

    service: Literal["api", "worker"] = "worker"

    @property
    def links(self) -> tuple[Link, ...]:
        """Those of the service."""
        return API if self.service == "api" else WORKER

    async def begin(self, system: System) -> dict[str, Any]:
        """`processes`: how many are stopped; `canaries`: connections opened just before.

        Raises:
            OSError: the kernel refused a rule.
            SiteError: a process ran on.
        """
        canaries = await open_canaries(system, self.links)
        await system.use(Firewall).impose(self._rule, Impediment(links=self.links, unsent=True))
        stopped = await system.use(Processes).freeze(self.service)
        return {"processes": stopped, "canaries": canaries}

    async def end(self, system: System) -> dict[str, Any]:
        """Thaw. `packets`: how many got nowhere; `continued`: how many processes go on.

        Raises:
            OSError: the kernel refused.
        """
        firewall = system.use(Firewall)
        packets = await firewall.hits(self._rule)
        lifted = await firewall.lift(self._rule)
        continued = await system.use(Processes).thaw(self.service)
        return {"packets": packets, "lifted": lifted, "continued": continued}

    async def observe(self, system: System, begun: dict[str, Any]) -> Observation:
        """None of its processes runs; bare clients in its place are heard no more, new or old."""
        heard = await ask(system, begun["canaries"])
        fresh = await dial_there(system, self.links)
        running = await system.use(Processes).running(self.service)
        silent = sum(said == "silence" for said in heard.values())
        refused = sum(not outcome.connected for outcome in fresh.values())
        stopped = begun["processes"]
        return Observation(
            bit=stopped > 0 == running and silent == len(heard) and refused == len(fresh),
            seen=f"{stopped - running} of {stopped} processes of the {self.service} stopped; "
            f"{silent} of {len(heard)} bare connections beside them meet silence, "
            f"{refused} of {len(fresh)} new ones do not come about",
            numbers={"processes": stopped, "running": running, "canaries": silent},
        )

    @property
    def _rule(self) -> str:
        return f"{self.name} {self.service}"


class Freeze(_Frozen, frozen=True, kw_only=True, tag="freeze"):
    """The instance gets no CPU for a while, then goes on where it was, over the same connections.

    With request-based billing Cloud Run does so whenever no request is in flight. What the network
    has forgotten meanwhile stays forgotten: that is `nat-idle-expiry`, in force at the same time.
    """

    def describe(self) -> str:
        return f"freeze the {self.service}"


class Migrate(_Frozen, frozen=True, kw_only=True, tag="migrate"):
    """The instance is moved to another machine: told so, frozen, its connections gone, thawed.

    SIGTSTP to all its processes ten seconds before, SIGCONT at the end. To a process that does not
    handle them they do nothing: it only stands still, and then holds connections that are dead.
    Source: https://cloud.google.com/run/docs/container-contract (`SIGTSTP`)
    """

    needs = (Firewall, Flows, Processes, Vantage)

    @property
    def lead_s(self) -> float:
        return 10.0

    def describe(self) -> str:
        return f"migrate the {self.service}"

    async def prepare(self, system: System) -> None:
        await system.use(Processes).signal(self.service, signal.SIGTSTP)

    async def begin(self, system: System) -> dict[str, Any]:
        """Also `flows`: how many connections of the system are gone."""
        begun = await super().begin(system)
        vantage = system.use(Vantage)
        cut = await system.use(Flows).cut(self.links, way=Way.BOTH)
        return begun | {"flows": sum(vantage.kept(name) is None for name in cut)}

    async def observe(self, system: System, begun: dict[str, Any]) -> Observation:
        """Frozen, and it had connections to lose."""
        seen = await super().observe(system, begun)
        flows = begun["flows"]
        return Observation(
            bit=seen.bit and flows > 0,
            seen=f"{seen.seen}; {flows} connections gone",
            numbers=seen.numbers | {"flows": flows},
        )
