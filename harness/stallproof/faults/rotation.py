"""The broker plane: the secret that lets clients in is changed."""

from __future__ import annotations

import secrets
from typing import Any, ClassVar

from stallproof.faults.base import Fault, Observation, Plane
from stallproof.faults.clients import clients_of
from stallproof.faults.refusals import ask_each, told
from stallproof.sites.base import EVERY, System
from stallproof.sites.brokers import KEPT_USER
from stallproof.sites.capabilities import BrokerCommands, BrokerLogin

KEPT = KEPT_USER.removesuffix("default")
"""Before a user's name: the user beside it that keeps its password."""
ALL_RIGHTS = ("~*", "&*", "+@all")


class AuthRotated(Fault, frozen=True, kw_only=True, tag="auth-rotated"):
    """The password is another one, which the services do not have; at the end they are right again.

    New connections get -WRONGPASS; those that are open stay logged in. With `closes` they are
    closed, as a rotation that restarts something does, and nobody gets in again.

    It stands for a secret that is rotated at the broker before the services have the new one. The
    new password is drawn at random and told to nobody. The old one stays at the broker, as the
    password of a user that only the harness logs in as, so a broker that restarts is right again.
    """

    plane: ClassVar[Plane] = "broker"
    needs = (BrokerCommands, BrokerLogin)
    cuts = False

    closes: bool = False

    def describe(self) -> str:
        return "password changed" + (", connections closed" if self.closes else "")

    async def begin(self, system: System) -> dict[str, Any]:
        """`users`: whose password was changed; `closed`: how many connections were closed."""
        commands = system.use(BrokerCommands)
        users = await _users(commands)
        if KEPT_USER in users:
            return {"users": [], "closed": 0}
        for user in users:
            hashes = await _hashes(commands, user)
            await _set(commands, KEPT + user, "reset", "on", *ALL_RIGHTS, *hashes)
            await _set(commands, user, "resetpass", f">{secrets.token_hex(16)}")
        closed = 0
        if self.closes:
            for client in await clients_of(commands, EVERY):
                closed += await commands.execute("CLIENT", "KILL", "ID", client.id) == 1
        return {"users": users, "closed": closed}

    async def end(self, system: System) -> dict[str, Any]:
        """`restored`: whose password is the old one again."""
        commands = system.use(BrokerCommands)
        try:
            kept = [user for user in await _users(commands) if user.startswith(KEPT)]
            for user in kept:
                hashes = await _hashes(commands, user)
                await _set(commands, user.removeprefix(KEPT), "resetpass", *hashes)
            for user in kept:
                # Whoever is logged in as such a user, the harness itself, is hung up on.
                await commands.execute("ACL", "DELUSER", user)
        except ConnectionError:  # one that is down comes back with the old password
            return {"restored": []}
        return {"restored": [user.removeprefix(KEPT) for user in kept]}

    async def observe(self, system: System, begun: dict[str, Any]) -> Observation:
        """A new connection that logs in as before gets -WRONGPASS; `closes`: some were closed."""
        seen = told(await ask_each(system, "PING"), lambda said: said.startswith("-WRONGPASS"))
        if not self.closes:
            return seen
        return Observation(
            bit=seen.bit and begun["closed"] > 0,
            seen=f"{seen.seen}; {begun['closed']} connections closed",
            numbers=seen.numbers | {"closed": begun["closed"]},
        )


async def _users(commands: BrokerCommands) -> list[str]:
    answer = await commands.execute("ACL", "USERS")
    assert isinstance(answer, list)
    return [str(user) for user in answer]


async def _hashes(commands: BrokerCommands, user: str) -> list[str]:
    """Its passwords as ACL SETUSER takes them: SHA-256, which the broker itself keeps."""
    answer = await commands.execute("ACL", "GETUSER", user)
    assert isinstance(answer, dict)
    return [f"#{each}" for each in answer["passwords"]]


async def _set(commands: BrokerCommands, user: str, *rules: str) -> None:
    await commands.execute("ACL", "SETUSER", user, *rules)
