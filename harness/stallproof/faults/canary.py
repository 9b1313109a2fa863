"""Canaries: bare connections that stand where the services stand, opened before a fault begins.

What becomes of them is what becomes of a service's own, without the service's retries. All
that they ever say is HELLO, by which those who count the system's connections tell them apart.
"""

from __future__ import annotations

import socket
from collections.abc import Mapping, Sequence
from typing import Literal

import anyio
from anyio import to_thread

from stallproof.faults.base import Observation
from stallproof.faults.wire import HELLO, WireOutcome, dial_each
from stallproof.sites.base import Link, System
from stallproof.sites.capabilities import Vantage

Said = Literal["answer", "eof", "reset", "silence", "not connected"]

SILENCE_S = 0.8
"""HELLO is answered in under a millisecond; one retransmitted once, in a quarter of a second."""


async def open_canaries(system: System, links: Sequence[Link]) -> dict[str, str | None]:
    """One on each link: its name at the vantage, or None where nothing would connect."""
    vantage = system.use(Vantage)
    names: dict[str, str | None] = {}

    async def one(link: Link) -> None:
        try:
            names[link] = await vantage.connect(link)
        except OSError:
            names[link] = None

    async with anyio.create_task_group() as group:
        for link in links:
            group.start_soon(one, link)
    return names


async def ask(
    system: System, canaries: Mapping[str, str | None], *, payload: bytes = HELLO
) -> dict[str, Said]:
    """What each meets that asks, by link. No `payload`: what it hears by itself."""
    vantage = system.use(Vantage)
    heard: dict[str, Said] = {}

    async def one(link: str, name: str | None) -> None:
        wire = None if name is None else vantage.kept(name)
        if wire is None:
            heard[link] = "not connected"
        else:
            heard[link] = await to_thread.run_sync(_exchange, wire, payload)

    async with anyio.create_task_group() as group:
        for link, name in canaries.items():
            group.start_soon(one, link, name)
    return heard


def _exchange(wire: socket.socket, payload: bytes) -> Said:
    wire.settimeout(SILENCE_S)
    try:
        wire.sendall(payload)
        return "answer" if wire.recv(100) else "eof"
    except TimeoutError:
        return "silence"
    except (ConnectionResetError, BrokenPipeError):
        return "reset"


async def dial_there(
    system: System, links: Sequence[Link], *, rounds: int = 1, deadline_s: float = SILENCE_S
) -> dict[Link, WireOutcome]:
    """A new connection on each link from where its service stands."""
    vantage = system.use(Vantage)
    return await dial_each(
        {link: vantage.address_of(link) for link in links},
        payload=HELLO,
        rounds=rounds,
        deadline_s=deadline_s,
        open_socket=vantage.open_socket,
    )


def told(
    *, flows: int, heard: Mapping[str, Said], awaited: Said, fresh: Mapping[Link, WireOutcome]
) -> Observation:
    """It bit if every canary says what is awaited, and new connections work.

    `flows`: how many connections of the system were hit; that is for `fault-bit` to judge.
    """
    as_awaited = sum(said == awaited for said in heard.values())
    answered = sum(outcome.outcome == "answer" for outcome in fresh.values())
    return Observation(
        bit=as_awaited == len(heard) and answered == len(fresh),
        seen=f"{flows} connections of the system hit; {as_awaited} of {len(heard)} bare ones "
        f"beside them meet {awaited}, {answered} of {len(fresh)} new ones work",
        numbers={"flows": flows, "canaries": as_awaited, "new": answered},
    )
