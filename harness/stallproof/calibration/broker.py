"""The broker's side: it lets bare clients in, and says which of its clients it holds."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping

from stallproof.calibration.clients import USER, Clients
from stallproof.calibration.seen import Seen
from stallproof.clientlist import clients_in
from stallproof.sites.base import Link
from stallproof.sites.capabilities import BrokerCommands


async def let_in(commands: BrokerCommands) -> None:
    """Have a user of our own, if the broker is there.

    The site keeps the password to itself, and redis-py will not do without.
    """
    with contextlib.suppress(ConnectionError):
        if USER not in str(await commands.execute("ACL", "USERS")):
            await commands.execute("ACL", "SETUSER", USER, "on", f">{USER}", "~*", "&*", "+@all")


async def life_of(commands: BrokerCommands) -> str | None:
    """Tells one life of the broker from the next; None: it is down."""
    try:
        answer = await commands.execute("INFO", "server")
    except ConnectionError:
        return None
    assert isinstance(answer, dict)
    return str(answer["run_id"])


async def listed(commands: BrokerCommands) -> list[dict[str, str]]:
    """CLIENT LIST: the fields of each client. Raises ConnectionError: the broker is down."""
    return clients_in(str(await commands.execute("CLIENT", "LIST")))


async def at_broker(
    commands: BrokerCommands, clients: Mapping[Link, Clients], life: str | None
) -> dict[Link, Seen]:
    """Whether the broker still holds the waiting connection and the idle one."""
    if await life_of(commands) != life:
        return dict.fromkeys(clients, Seen("gone", 0.0))
    ids = {client["id"] for client in await listed(commands)}
    held = {link: [str(id_) in ids for id_ in each.ids] for link, each in clients.items()}
    return {
        link: Seen(" and ".join("open" if each else "closed" for each in both), 0.0)
        for link, both in held.items()
    }
