"""A bare connection to the broker that logs in as the services do: what the broker says to it."""

from __future__ import annotations

import select
import socket
import time
from collections.abc import Mapping

from anyio import to_thread

from stallproof.sites.base import Address, Link

DEADLINE_S = 2.0
"""For all of one question. A broker that loads its data answers each command late."""
GREETING_S = 0.05
"""Who is turned away at the door hears it by then. Whoever speaks first may be answered by a reset
instead, which destroys what was said."""
LINE_B = 4096
"""No first line of an answer is longer."""


class ServiceLogin:
    """`BrokerLogin`: on any site where the harness reaches the broker's addresses."""

    def __init__(self, links: Mapping[Link, Address], *, password: str) -> None:
        self._links = links
        self._password = password

    async def ask(self, link: Link, *command: str) -> str:
        return await to_thread.run_sync(self._ask, self._links[link], command)

    def _ask(self, at: Address, command: tuple[str, ...]) -> str:
        deadline = time.monotonic() + DEADLINE_S
        try:
            with socket.create_connection((at.host, at.port), timeout=DEADLINE_S) as wire:
                if select.select([wire], [], [], GREETING_S)[0]:
                    return _line(wire, deadline)
                said = _exchange(wire, ("AUTH", self._password), deadline)
                return _exchange(wire, command, deadline) if said == "+OK" else said
        except OSError as error:
            return type(error).__name__


def _exchange(wire: socket.socket, command: tuple[str, ...], deadline: float) -> str:
    parts = [f"${len(part)}\r\n{part}\r\n" for part in command]
    wire.sendall(f"*{len(command)}\r\n{''.join(parts)}".encode())
    return _line(wire, deadline)


def _line(wire: socket.socket, deadline: float) -> str:
    """The first line of what comes; `EOF` if nothing does."""
    said = b""
    while b"\r\n" not in said and len(said) < LINE_B:
        wire.settimeout(max(0.001, deadline - time.monotonic()))
        more = wire.recv(LINE_B)
        if not more:
            break
        said += more
    return said.partition(b"\r\n")[0].decode(errors="replace") or "EOF"
