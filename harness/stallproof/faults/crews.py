"""How the instances of a service come by their work, and how one of them is told to go.

The worker's ask the broker for it. The API's are handed it by the front end.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, Protocol

import anyio
from anyio import to_thread

from stallproof.clientlist import clients_in
from stallproof.faults.ledger import publishers, tasks_in_hand
from stallproof.sites.base import Link, System
from stallproof.sites.capabilities import BrokerCommands, Revisions, Routing

Service = Literal["api", "worker"]

READ_S = 0.2
"""Real seconds in which an instance has read a request that it was handed, also on a busy machine:
SIGTERM comes so long after the last one was."""
SLOW_S = 0.03
"""Real seconds after which a request that is still in hand is one worth to be told to go in."""
MOMENT_S = 2.0
"""Real seconds to wait for such a one."""
JUST_S = 3.0
"""Real seconds for which one that has answered its last request counts as having been at work:
longer than it was waited for the next."""


class Crew(Protocol):
    """The instances of one service."""

    service: Service
    needs: tuple[type, ...]
    """Capabilities that it takes to see them at work."""
    noun: str
    """What its instances are that take work."""
    work: str
    """What that consists of."""

    async def at_work(self, system: System) -> set[str]:
        """Who takes work: a name for each, which stays."""

    def in_hand(self, system: System, instance: str) -> int:
        """How much work the instance has begun and not ended."""

    async def tell(self, system: System, go: Sequence[str]) -> dict[str, Any]:
        """Tell them to go, in a moment in which they are at work, if such a one comes soon.

        `in_hand`: what they had then, all together; `at_work`: whether that, or what they had
        just had, was anything; `told_at_s`: when it was, a reading of the system's clock.
        """


class WorkerCrew:
    """`Crew`: they ask the broker for tasks, and the ledger says which they have in hand."""

    service: Service = "worker"
    needs: tuple[type, ...] = (BrokerCommands,)
    noun = "consumers"
    work = "tasks"

    async def at_work(self, system: System) -> set[str]:
        """The worker's clients whose last command is a BRPOP, by id.

        Each of Celery's workers has one, whose connection does nothing else. Seen from the broker
        it is the same on either route. A broker that is down has none.
        """
        broker = system.use(BrokerCommands)
        here = broker.address_of(Link.WORKER_BROKER)
        try:
            clients = clients_in(str(await broker.execute("CLIENT", "LIST")))
        except ConnectionError:
            return set()
        return {
            client["id"]
            for client in clients
            if client["laddr"] == f"{here.host}:{here.port}" and client["cmd"] == "brpop"
        }

    def in_hand(self, system: System, instance: str) -> int:
        return tasks_in_hand(system.ledger.read_bytes())[instance]

    async def tell(self, system: System, go: Sequence[str]) -> dict[str, Any]:
        """At once: Cloud Run asks no worker whether it is at work."""
        hands = tasks_in_hand(system.ledger.read_bytes())
        told_at_s = await _retire(system, self.service, go)
        tasks = sum(hands[instance] for instance in go)
        return {"in_hand": tasks, "at_work": tasks > 0, "told_at_s": told_at_s}


class ApiCrew:
    """`Crew`: the front end hands them requests, and the ledger says who published a message."""

    service: Service = "api"
    needs: tuple[type, ...] = (Routing,)
    noun = "publishers"
    work = "requests"

    async def at_work(self, system: System) -> set[str]:
        """Those of its instances that are there and have published a story's message, by id."""
        kept = await system.use(Revisions).kept(self.service)
        # Not in the event loop: the clients' requests pass through it.
        found = await to_thread.run_sync(lambda: publishers(system.ledger.read_bytes()))
        return found.intersection(kept)

    def in_hand(self, system: System, instance: str) -> int:
        return system.use(Routing).hands(instance).requests

    async def tell(self, system: System, go: Sequence[str]) -> dict[str, Any]:
        """While one has a request in hand that takes a while; the others get them from then on.

        As a rule Cloud Run lets an instance finish what it has, and then tells it; now and then it
        does not wait for that.
        """
        routing = system.use(Routing)
        await _slow_request(routing, go)
        routing.withhold(go)
        await anyio.sleep(READ_S)
        hands = [routing.hands(instance) for instance in go]
        told_at_s = await _retire(system, self.service, go)
        last_s = min((had.last_s for had in hands if had.last_s is not None), default=None)
        return {
            "in_hand": sum(had.requests for had in hands),
            "at_work": last_s is not None and last_s <= JUST_S,
            "told_at_s": told_at_s,
        }


def crew_of(service: Service) -> Crew:
    return ApiCrew() if service == "api" else WorkerCrew()


async def _slow_request(routing: Routing, go: Sequence[str]) -> None:
    """Wait until one of them has one in hand, for `MOMENT_S` at most."""
    with anyio.move_on_after(MOMENT_S):
        while True:
            await routing.handed(go, within_s=MOMENT_S)
            await anyio.sleep(SLOW_S)
            if any(routing.hands(instance).requests for instance in go):
                return


async def _retire(system: System, service: str, go: Sequence[str]) -> float:
    """SIGTERM to each of them; when it was, by the system's clock."""
    told_at_s = system.clock.now()
    for instance in go:
        await system.use(Revisions).retire(service, instance)
    return told_at_s
