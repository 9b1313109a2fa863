"""Bare clients where the services stand: what they see, a service sees."""

from __future__ import annotations

import socket
from collections.abc import Mapping

from anyio import to_thread

from stallproof.sites.base import API, Address, Link
from stallproof.sites.hosts import Host

_DEADLINE_S = 2.0


class ServiceVantage:
    """`Vantage`: sockets made in the network of the link's service, which they stay in."""

    def __init__(self, hosts: Mapping[str, Host], at: Mapping[Link, Address]) -> None:
        self._hosts = hosts
        self._at = at
        self._kept: dict[str, socket.socket] = {}

    def address_of(self, link: Link) -> Address:
        return self._at[link]

    def open_socket(self, link: Link) -> socket.socket:
        return self._hosts["api" if link in API else "worker"].run(socket.socket)

    async def connect(self, link: Link) -> str:
        return await to_thread.run_sync(self._connect, link)

    def kept(self, name: str) -> socket.socket | None:
        return self._kept.get(name)

    def close(self) -> None:
        for wire in self._kept.values():
            wire.close()

    def _connect(self, link: Link) -> str:
        wire = self.open_socket(link)
        wire.settimeout(_DEADLINE_S)
        try:
            wire.connect((self._at[link].host, self._at[link].port))
            wire.sendall(b"HELLO 9\r\n")  # refused in words, password or not
            if not wire.recv(100):
                raise ConnectionResetError(f"{link}: EOF in answer to HELLO")
        except OSError:
            wire.close()
            raise
        host, port = wire.getsockname()
        name = f"{host}:{port}"
        self._kept[name] = wire
        return name
