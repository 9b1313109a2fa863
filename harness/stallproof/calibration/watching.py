"""What is seen of an instance without touching it: its connections, its process, its consumer."""

from __future__ import annotations

import signal
import time

import anyio

from stallproof.calibration.broker import listed
from stallproof.calibration.clients import USER
from stallproof.calibration.place import EXIT_S, LOOK_AGAIN_S, Place, until
from stallproof.calibration.row import InstanceRow
from stallproof.calibration.seen import Seen
from stallproof.calibration.trial import BROKER_S
from stallproof.faults.crews import crew_of
from stallproof.sites.base import System
from stallproof.sites.capabilities import GRACE_S, BrokerCommands, Processes, Vantage, Wiretap

SETTLES_S = 0.1
"""What is closed is off the broker's list by then."""


class Watch:
    """Of one instance, from before the fault until after it."""

    def __init__(self, row: InstanceRow, system: System, place: Place) -> None:
        self._row = row
        self._system = system
        self._place = place
        self._tap = system.use(Wiretap).open()
        self._exits = len(system.instances[row.service].exits)
        self._exit: tuple[float, int] | None = None
        self._consumers: list[tuple[float, int]] = []
        self.fault_at = time.monotonic()

    async def look_on(self) -> None:
        """Until it is cancelled."""
        while True:
            self._note_exit()
            await self._note_consumers()
            await anyio.sleep(LOOK_AGAIN_S)

    async def settled(self) -> dict[str, str]:
        """`connections`, once it is the same twice in a row: what was closed as the last work ended
        the broker may list for a moment.

        Raises:
            SiteError: it does not come to that.
        """
        before = await self.connections()

        async def problem() -> str | None:
            nonlocal before
            await anyio.sleep(SETTLES_S)
            last, before = before, await self.connections()
            return None if last == before else f"{len(last)}, then {len(before)}"

        await until(problem, awaited="as many connections as before", within_s=GRACE_S)
        return before

    async def connections(self) -> dict[str, str]:
        """The instance's own at the broker: by its end of each, the broker's id of it.

        Without the one over which it asks for work: whether it has read the last answer when it
        goes is chance, and with it whether its kernel closes that one or resets it.
        """
        clients = await listed(self._system.use(BrokerCommands))
        bare = self._system.use(Vantage).kept
        return {
            client["addr"]: client["id"]
            for client in clients
            if client["addr"].startswith(f"{self._place.at.host}:")
            and client["user"] != USER
            and client["cmd"] != "brpop"
            and bare(client["addr"]) is None
        }

    async def ended(self, before: dict[str, str]) -> Seen:
        """What the broker saw of those that there were before: how they ended, the last of them
        when.
        """
        endings: dict[str, tuple[str, float]] = {}
        patient_until = self.fault_at + BROKER_S
        while True:
            for ending in self._tap.read():
                endings.setdefault(ending.sender, (ending.how, ending.at_s))
            if before.keys() <= endings.keys() or time.monotonic() >= patient_until:
                break
            await anyio.sleep(LOOK_AGAIN_S)
        there = set((await self.connections()).values())
        words = {
            endings[at][0] if at in endings else "open" if id_ in there else "closed"
            for at, id_ in before.items()
        }
        said = " and ".join(sorted(words)) or "none"
        fault_at_s = time.time() - time.monotonic() + self.fault_at
        last_s = max((endings[at][1] - fault_at_s for at in before if at in endings), default=0.0)
        return Seen(said, max(0.0, last_s))

    async def gone(self) -> None:
        """Wait for the end of the instance.

        Raises:
            SiteError: it does not come.
        """

        async def problem() -> str | None:
            self._note_exit()
            return "it runs on" if self._exit is None else None

        awaited = f"the end of {self._place.instance}"
        await until(problem, awaited=awaited, within_s=GRACE_S + EXIT_S)

    async def process(self) -> Seen:
        """How the instance's first process went, and when; or that it did not."""
        self._note_exit()
        if self._exit is not None:
            at, code = self._exit
            how = signal.Signals(-code).name if code < 0 else f"code {code}"
            return Seen(how, max(0.0, at - self.fault_at))
        still = await self._system.use(Processes).running(self._row.service) == 0
        return Seen("stopped" if still else "runs on", 0.0)

    async def consumers(self) -> Seen:
        """How many asked for work, one number after the other.

        Of three, for how long the one in the middle did; of two, when the second was reached.
        """
        await self._note_consumers()
        times = [at for at, _ in self._consumers]
        lasted_s = 0.0
        if len(times) > 1:
            lasted_s = times[-1] - (times[1] if len(times) > 2 else self.fault_at)
        return Seen(" then ".join(str(n) for _, n in self._consumers), max(0.0, lasted_s))

    def close(self) -> None:
        self._tap.close()

    def _note_exit(self) -> None:
        exits = self._system.instances[self._row.service].exits[self._exits :]
        if self._exit is None and exits:
            self._exit = (time.monotonic(), exits[0])

    async def _note_consumers(self) -> None:
        if self._row.service != "worker":
            return
        asking = len(await crew_of("worker").at_work(self._system))
        if not self._consumers or self._consumers[-1][1] != asking:
            self._consumers.append((time.monotonic(), asking))
