"""The broker plane: what happens to the broker's own process, and what it does to its clients."""

from __future__ import annotations

import time
from typing import Any, ClassVar, Literal

import anyio

from stallproof.faults.base import Fault, Observation, Plane
from stallproof.faults.clients import by_link, clients_of, gone_within
from stallproof.faults.validate import check_links
from stallproof.faults.wire import dial_each, observation
from stallproof.sites.base import EVERY, Link, Persistence, System, named
from stallproof.sites.capabilities import BrokerCommands, BrokerProcess


class BrokerRestart(Fault, frozen=True, kw_only=True, tag="broker-restart"):
    """The broker's process goes at the begin and comes back, on the same addresses, at the end.

    On the direct route open connections get EOF (ECONNRESET where the broker had not read all
    that was sent), and new ones ECONNREFUSED for as long as it is away. Through a proxy a new
    one connects first and then gets EOF: never ECONNREFUSED. That is not the same thing to a
    client: kombu 5.2.3 to 5.3.x leaves the poison that later mutes its worker only when a
    connect is *refused* (celery issue 7276), for which at least 1.5 s away is sure to do.
    """

    plane: ClassVar[Plane] = "broker"
    needs = (BrokerProcess, BrokerCommands)

    how: Literal["graceful", "killed"] = "killed"
    """`graceful`: SIGTERM, it saves what its persistence says. `killed`: SIGKILL."""
    empty: bool = False
    """Its data is gone when it comes back (a Basic-tier replacement)."""

    def forgets(self, persistence: Persistence) -> bool:
        return self.empty or persistence is Persistence.NONE

    def describe(self) -> str:
        return f"broker {self.how}" + (", back empty" if self.empty else "")

    async def begin(self, system: System) -> dict[str, Any]:
        """`clients`: how many each link had just before; empty if the broker was down already."""
        commands = system.use(BrokerCommands)
        try:
            found = await clients_of(commands, EVERY)
        except ConnectionError:
            found = []
        process = system.use(BrokerProcess)
        began = time.monotonic()
        await (process.kill() if self.how == "killed" else process.stop())
        return {"clients": by_link(found), "took_s": round(time.monotonic() - began, 4)}

    async def end(self, system: System) -> dict[str, Any]:
        """`started` False: it was running already."""
        commands = system.use(BrokerCommands)
        began = time.monotonic()
        if await _answers(commands):
            return {"started": False}
        await system.use(BrokerProcess).start(empty=self.empty)
        return {"started": True, "took_s": round(time.monotonic() - began, 4)}

    async def observe(self, system: System, begun: dict[str, Any]) -> Observation:
        """It answers no command, and its own addresses refuse."""
        return await gone(system, clients=sum(begun["clients"].values()))


class ClientKill(Fault, frozen=True, kw_only=True, tag="client-kill"):
    """CLIENT KILL: the broker closes the connections of one class.

    A client that waits gets EOF at once; so does, at its next command, one that is idle. The
    broker and its listeners stay up, so the next connect succeeds. A Celery worker holds about
    ten connections: which class is cut decides what happens.
    """

    plane: ClassVar[Plane] = "broker"
    needs = (BrokerCommands,)
    lasting = False

    kind: Literal["normal", "pubsub"] = "normal"
    """`pubsub`: those that subscribed. `normal`: the others, BRPOP's among them, but no replica,
    no primary, and nothing of the harness's own (it comes over no link)."""
    links: tuple[Link, ...] = EVERY

    def __post_init__(self) -> None:
        check_links(self.links)

    def describe(self) -> str:
        return f"kill the {self.kind} clients of {named(self.links)}"

    async def begin(self, system: System) -> dict[str, Any]:
        """`killed`: how many, 0 also if the broker is down; `ids`: theirs at the broker."""
        commands = system.use(BrokerCommands)
        ids: list[int] = []
        try:
            for client in await clients_of(commands, self.links):
                if client.kind == self.kind:
                    killed = await commands.execute("CLIENT", "KILL", "ID", client.id)
                    ids += [client.id] * (killed == 1)
        except ConnectionError as error:
            return {"killed": len(ids), "ids": ids, "error": type(error).__name__}
        return {"killed": len(ids), "ids": ids}

    async def observe(self, system: System, begun: dict[str, Any]) -> Observation:
        """There were some, and the broker lists none of them any more."""
        commands = system.use(BrokerCommands)
        killed = begun["killed"]
        left = await gone_within(1.0, commands, self.links, begun["ids"]) if killed else set()
        return Observation(
            bit=killed > 0 and not left,
            seen=f"{killed} {self.kind} clients killed, {len(left)} of them still listed",
            numbers={"killed": killed, "left": len(left)},
        )


async def gone(system: System, *, clients: int) -> Observation:
    """The broker answers no command, and its own addresses refuse. `clients`: it had before."""
    commands = system.use(BrokerCommands)
    answers = await _answers(commands)
    addresses = {link: commands.address_of(link) for link in EVERY}
    wire = observation(
        await dial_each(addresses),
        lambda seen: seen.outcome in ("refused", "eof", "reset") and not seen.replies,
    )
    return Observation(
        bit=wire.bit and not answers,
        seen=f"the broker {'answers' if answers else 'is gone'}, {clients} clients before; "
        f"its address on {wire.seen}",
        numbers=wire.numbers | {"clients": clients},
    )


async def _answers(commands: BrokerCommands) -> bool:
    """Within a second, that is."""
    with anyio.move_on_after(1.0):
        try:
            await commands.execute("PING")
        except ConnectionError:
            return False
        return True
    return False
