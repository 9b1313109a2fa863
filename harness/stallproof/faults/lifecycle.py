"""The lifecycle plane: what Cloud Run does to the instances of a service."""

from __future__ import annotations

import signal
from typing import Any, ClassVar, Literal

from stallproof.faults.base import Fault, Observation, Plane
from stallproof.sites.base import System
from stallproof.sites.capabilities import Instances


class InstanceKill(Fault, frozen=True, kw_only=True, tag="instance-kill"):
    """An instance is gone without a warning: SIGKILL to all its processes at once.

    The kernel closes its connections (the broker sees EOF, or a reset where data was unread), so
    no peer waits for it. Nothing that it held in memory is given back. The site starts it again.
    """

    plane: ClassVar[Plane] = "lifecycle"
    needs = (Instances,)
    lasting = False

    service: Literal["api", "worker"] = "worker"

    def describe(self) -> str:
        return f"kill the instance of the {self.service}"

    async def begin(self, system: System) -> dict[str, Any]:
        """`killed`: there was one to kill; `exits`: how often it had exited before."""
        exits = len(system.instances[self.service].exits)
        killed = await system.use(Instances).kill(self.service)
        return {"killed": killed, "exits": exits}

    async def observe(self, system: System, begun: dict[str, Any]) -> Observation:
        """There was one, and it has exited since, by SIGKILL."""
        exits = system.instances[self.service].exits[begun["exits"] :]
        how = f"exit by signal {-exits[0]}" if exits and exits[0] < 0 else f"exits {exits}"
        return Observation(
            bit=begun["killed"] and exits[:1] == (-signal.SIGKILL,),
            seen=f"the {self.service}'s instance: {how}",
        )
