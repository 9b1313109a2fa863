"""The broker's clients as CLIENT LIST shows them, sorted by the link they came over."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Literal

import anyio
import msgspec

from stallproof.clientlist import clients_in
from stallproof.sites.base import Address, Link
from stallproof.sites.capabilities import BrokerCommands


class Client(msgspec.Struct, frozen=True):
    """One connection at the broker."""

    id: int
    link: Link
    kind: Literal["normal", "pubsub", "other"]
    """`other`: a primary, a replica or a monitor."""


async def clients_of(commands: BrokerCommands, links: Sequence[Link]) -> list[Client]:
    """Those that came over the links: a client's `laddr` is its link's address at the broker.

    Raises:
        ConnectionError: the broker is down.
        TypeError: the site does not hand over the text that the broker sent.
    """
    text = await commands.execute("CLIENT", "LIST")
    if not isinstance(text, str):
        raise TypeError(f"CLIENT LIST came as {type(text).__name__}: it must be the broker's text")
    link_at = {_laddr(commands.address_of(link)): link for link in links}
    clients = []
    for fields in clients_in(text):
        link = link_at.get(fields["laddr"])
        # What runs CLIENT LIST at this moment is the harness, where its own way is a TCP one.
        if link is not None and fields["cmd"] != "client|list":
            clients.append(Client(int(fields["id"]), link, _kind(fields["flags"])))
    return clients


def by_link(clients: Sequence[Client]) -> dict[str, int]:
    """How many came over each link."""
    return {str(link): sum(one.link is link for one in clients) for link in Link}


async def gone_within(
    deadline_s: float,
    commands: BrokerCommands,
    links: Sequence[Link],
    ids: Collection[int],
    *,
    but: int = 0,
) -> set[int]:
    """Wait until the broker lists none of these clients, or no more than `but` of them.

    Answers those that it still lists, at the deadline or before.
    """
    left = set(ids)
    with anyio.move_on_after(deadline_s):
        while len(left) > but:
            try:
                left &= {client.id for client in await clients_of(commands, links)}
            except ConnectionError:  # a broker that is down has no clients
                return set()
            await anyio.sleep(0.02)
    return left


def _laddr(address: Address) -> str:
    host = f"[{address.host}]" if ":" in address.host else address.host
    return f"{host}:{address.port}"


def _kind(flags: str) -> Literal["normal", "pubsub", "other"]:
    if set(flags) & set("MSO"):
        return "other"
    return "pubsub" if "P" in flags else "normal"
