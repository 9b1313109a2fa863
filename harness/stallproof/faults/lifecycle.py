"""The lifecycle plane: what Cloud Run does to the instances of a service."""

from __future__ import annotations

import signal
from typing import Any, ClassVar, Literal

import anyio

from stallproof.faults.base import Fault, Observation, Plane
from stallproof.faults.ledger import at_work
from stallproof.sites.base import System
from stallproof.sites.capabilities import GRACE_S, Instances, Processes

EXIT_S = 5.0
"""Real seconds in which a killed process is gone, also on a busy machine."""


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


class Terminate(Fault, frozen=True, kw_only=True, tag="terminate"):
    """An instance is told to go: SIGTERM, and ten seconds later SIGKILL to what is left of it.

    Cloud Run ends every instance so: at scale-in, when a revision is replaced, for maintenance.
    What its work at hand becomes is its own affair in these ten seconds. The site starts it again.
    Source: https://cloud.google.com/run/docs/container-contract (GRACE_S)
    """

    plane: ClassVar[Plane] = "lifecycle"
    needs = (Instances,)
    lasting = False

    service: Literal["api", "worker"] = "worker"

    def describe(self) -> str:
        return f"end the instance of the {self.service}: SIGTERM, SIGKILL after {GRACE_S:g} s"

    async def begin(self, system: System) -> dict[str, Any]:
        """`sent`: there was one to tell; `exits`: how often it had exited before.

        `sent_at_s`: a reading of the system's clock.
        """
        exits = len(system.instances[self.service].exits)
        sent_at_s = system.clock.now()
        sent = await system.use(Instances).terminate(self.service)
        return {"sent": sent, "exits": exits, "sent_at_s": sent_at_s}

    async def observe(self, system: System, begun: dict[str, Any]) -> Observation:
        """It has exited within the grace, or right after it by SIGKILL; says which, and when."""
        instance = system.instances[self.service]
        with anyio.move_on_after(system.clock.real_s(GRACE_S) + EXIT_S):
            while begun["sent"] and len(instance.exits) == begun["exits"]:
                await anyio.sleep(0.02)
        exits = instance.exits[begun["exits"] :]
        if not begun["sent"] or not exits:
            why = "it still runs" if begun["sent"] else "there was none"
            return Observation(bit=False, seen=f"the {self.service}'s instance: {why}")
        after_s = system.clock.now() - begun["sent_at_s"]
        killed = exits[0] == -signal.SIGKILL
        how = "was killed" if killed else f"left by itself with code {exits[0]}"
        return Observation(
            bit=True,
            seen=f"the {self.service}'s instance {how} {after_s:.1f} s after SIGTERM",
            numbers={"after_s": after_s, "code": exits[0], "killed": int(killed)},
        )


class KillChild(Fault, frozen=True, kw_only=True, tag="kill-child"):
    """The pool process that has worked on a task the longest is gone: SIGKILL to it alone.

    It stands for the kernel that has run out of memory: of an instance's processes it takes the
    one that holds the most, which is one at work. The worker itself lives on, and knows.
    """

    plane: ClassVar[Plane] = "lifecycle"
    needs = (Processes,)
    lasting = False
    cuts = False  # it need not hold a connection

    def describe(self) -> str:
        return "kill a pool process of the worker at work"

    async def begin(self, system: System) -> dict[str, Any]:
        """`killed`: the pid, None where none was at work; `exits`: of the instance before."""
        exits = len(system.instances["worker"].exits)
        processes = system.use(Processes)
        members = set(await processes.members("worker"))
        for pid in at_work(system.ledger.read_bytes()):
            if pid in members and await processes.kill("worker", pid):
                return {"killed": pid, "exits": exits}
        return {"killed": None, "exits": exits}

    async def observe(self, system: System, begun: dict[str, Any]) -> Observation:
        """It was at work and is gone, and the instance is the one of before."""
        pid = begun["killed"]
        if pid is None:
            return Observation(bit=False, seen="no pool process was at work")
        processes = system.use(Processes)
        there = True
        with anyio.move_on_after(EXIT_S):
            while there := pid in await processes.members("worker"):
                await anyio.sleep(0.02)
        alone = len(system.instances["worker"].exits) == begun["exits"]
        state = "still there" if there else "gone" if alone else "gone, its instance too"
        return Observation(bit=not there and alone, seen=f"pool process {pid}: {state}")
