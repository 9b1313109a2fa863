"""The broker plane: the broker is up and reachable, and says no.

Each is proven by what a new connection that logs in as the services do is told.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar, Literal

import anyio

from stallproof.faults.base import Fault, Observation, Plane
from stallproof.sites.base import EVERY, Link, System
from stallproof.sites.brokers import NOBODY
from stallproof.sites.capabilities import BrokerCommands, BrokerLogin, BrokerSettings

WRITE = ("LPUSHX", "stallproof-no-such-list", "x")
"""A write that changes nothing: it adds to a list only if there is one."""


class Demote(Fault, frozen=True, kw_only=True, tag="demote"):
    """The broker turns replica under its clients, and primary again at the end.

    Who is blocked (BRPOP) is told -UNBLOCKED and hung up on; every other connection stays open
    and each write over it gets -READONLY, BRPOP too. Reads and PUBLISH go on. Nothing is lost: it
    follows a primary that is not there, so that its data stays as it is.

    It stands for the moment of a failover at which the old primary still answers.
    """

    plane: ClassVar[Plane] = "broker"
    needs = (BrokerCommands, BrokerLogin)

    def describe(self) -> str:
        return "broker demoted to replica"

    async def begin(self, system: System) -> dict[str, Any]:
        """`was`: the role it had."""
        commands = system.use(BrokerCommands)
        was = await _role(commands)
        await commands.execute("REPLICAOF", *NOBODY)
        return {"was": was}

    async def end(self, system: System) -> dict[str, Any]:
        """`promoted` False: it was primary already, or is down."""
        commands = system.use(BrokerCommands)
        try:
            was = await _role(commands)
            await commands.execute("REPLICAOF", "NO", "ONE")
        except ConnectionError:
            return {"promoted": False}
        return {"promoted": was == "slave"}

    async def observe(self, system: System, begun: dict[str, Any]) -> Observation:  # noqa: ARG002 (the wire tells)
        """A write over a new connection gets -READONLY."""
        return told(await ask_each(system, *WRITE), lambda said: said.startswith("-READONLY"))


class Oom(Fault, frozen=True, kw_only=True, tag="oom"):
    """The broker's memory is full: its limit is below what it holds.

    Every command that may need memory gets -OOM (LPUSH, HSET, ZADD: publishing a message, and
    noting down one that was taken); reads, deletions, PUBLISH and BRPOP go on. With `noeviction`
    nothing else happens. With `volatile-lru`, Memorystore's default, the keys that have a time to
    live go first, all of them here: Celery's results, and nothing that holds a message.
    """

    plane: ClassVar[Plane] = "broker"
    needs = (BrokerSettings, BrokerCommands, BrokerLogin)
    cuts = False

    policy: Literal["noeviction", "volatile-lru"] = "noeviction"

    def describe(self) -> str:
        return f"broker full, {self.policy}"

    async def begin(self, system: System) -> dict[str, Any]:
        """`evicted`: how many keys it had thrown out before; `used_b`: what it holds."""
        commands = system.use(BrokerCommands)
        evicted = await _number(commands, "stats", "evicted_keys")
        used_b = await _number(commands, "memory", "used_memory")
        full = {"maxmemory": "1", "maxmemory-policy": self.policy}
        await system.use(BrokerSettings).change(self.name, full)
        return {"evicted": evicted, "used_b": used_b}

    async def end(self, system: System) -> dict[str, Any]:
        return {"restored": await system.use(BrokerSettings).restore(self.name)}

    async def observe(self, system: System, begun: dict[str, Any]) -> Observation:
        """A write over a new connection gets -OOM."""
        seen = told(await ask_each(system, *WRITE), lambda said: said.startswith("-OOM"))
        if not seen.bit:
            return seen
        now = await _number(system.use(BrokerCommands), "stats", "evicted_keys")
        evicted = now - begun["evicted"]
        return Observation(
            bit=True,
            seen=f"{seen.seen}; {evicted} keys evicted",
            numbers=seen.numbers | {"evicted": evicted},
        )


class MaxClients(Fault, frozen=True, kw_only=True, tag="maxclients"):
    """The broker takes no more clients: a new one is told so and hung up on.

    `-ERR max number of clients reached`, before it has said anything. Who is connected goes on as
    before, and gets no second chance: the limit is far below what is open.
    """

    plane: ClassVar[Plane] = "broker"
    needs = (BrokerSettings, BrokerLogin)
    cuts = False

    def describe(self) -> str:
        return "broker takes no more clients"

    async def begin(self, system: System) -> dict[str, Any]:
        """`before`: the limit until now."""
        before = await system.use(BrokerSettings).change(self.name, {"maxclients": "1"})
        return {"before": int(before["maxclients"])}

    async def end(self, system: System) -> dict[str, Any]:
        return {"restored": await system.use(BrokerSettings).restore(self.name)}

    async def observe(self, system: System, begun: dict[str, Any]) -> Observation:  # noqa: ARG002 (the wire tells)
        """A new connection is told so."""
        return told(await ask_each(system, "PING"), lambda said: "max number of clients" in said)


async def ask_each(system: System, *command: str) -> dict[Link, str]:
    """What a new connection of the services' own kind is told, on each link."""
    login = system.use(BrokerLogin)
    answers: dict[Link, str] = {}

    async def one(link: Link) -> None:
        answers[link] = await login.ask(link, *command)

    async with anyio.create_task_group() as group:
        for link in EVERY:
            group.start_soon(one, link)
    return answers


def told(answers: dict[Link, str], as_it_should: Callable[[str], bool]) -> Observation:
    """It bit if all answers are as they should be; `seen` quotes the first, or one that is not."""
    other = [link for link, said in answers.items() if not as_it_should(said)]
    link = other[0] if other else next(iter(answers))
    n = len(answers) - len(other)
    return Observation(
        bit=not other,
        seen=f"{link}: {answers[link]} ({n} of {len(answers)} links are told so)",
        numbers={"links": len(answers), "links_bitten": n},
    )


async def _role(commands: BrokerCommands) -> str:
    """`master` or `slave`, in the broker's own words."""
    answer = await commands.execute("ROLE")
    assert isinstance(answer, (list, tuple))
    return str(answer[0])


async def _number(commands: BrokerCommands, section: str, field: str) -> int:
    answer = await commands.execute("INFO", section)
    assert isinstance(answer, dict)
    return int(answer[field])
