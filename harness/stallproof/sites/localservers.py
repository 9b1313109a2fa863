"""The servers of a local run: the broker and, beside it, those that may take its place.

broker/
├─ broker.sock    the untouched way to the one that serves, whichever that is
├─ 1/             a server: its configuration and its data
└─ 2/             its replica, with a socket of its own until it is promoted
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from stallproof.sites.base import Address, Link, Persistence
from stallproof.sites.brokers import BrokerControl, broker_config
from stallproof.sites.hosts import Host
from stallproof.sites.life import OnExit
from stallproof.sites.logs import ServiceLog
from stallproof.sites.process import Process

_SOCKET = "broker.sock"
_OWN_SOCKET = "own.sock"


@dataclass(frozen=True, kw_only=True)
class Servers:
    """Makes the servers of one run, by number: each has a folder of its own."""

    binary: str
    folder: Path
    folder_fd: int
    """The folder once more: a socket's path may have 107 bytes, a run's folder has more."""
    host: Host
    links: Mapping[Link, Address]
    aside: Address
    """Where a replica follows the one that serves, beside the links."""
    password: str
    persistence: Persistence
    env: Mapping[str, str]
    log: ServiceLog

    @property
    def listen(self) -> list[str]:
        """The hosts that the one that serves listens on, at the port of all of them."""
        return [*(address.host for address in self.links.values()), self.aside.host]

    def serve(self, number: int) -> None:
        """From its next start on it is the broker."""
        self._write(number, self.listen, self.aside.port, f"../../{_SOCKET}")

    def follow(self, number: int) -> None:
        """From its next start on it follows the one that serves, and nobody reaches it."""
        self._write(
            number,
            [self.aside.host],
            0,
            f"../{_OWN_SOCKET}",
            f"masterauth {self.password}",
            f"replicaof {self.aside.host} {self.aside.port}",
        )

    def start(self, number: int, *more: str) -> Callable[[OnExit], Process]:
        """Starts one life of it, with `more` on its command line."""

        def start(on_exit: OnExit) -> Process:
            return Process(
                [self.binary, str(self._folder(number) / "broker.conf"), *more],
                env={"LANG": "C.UTF-8", **self.env},
                cwd=self._folder(number),
                host=self.host,
                log=self.log,
                on_exit=on_exit,
            )

        return start

    def wipe(self, number: int) -> Callable[[], None]:
        """Drops its data."""
        data = self._folder(number) / "data"

        def wipe() -> None:
            shutil.rmtree(data)
            data.mkdir()

        return wipe

    def remove(self, number: int) -> None:
        """Drop all of it."""
        shutil.rmtree(self._folder(number))

    def control(self, number: int | None = None) -> BrokerControl:
        """The way to the one that serves, or to a replica by its number."""
        name = _SOCKET if number is None else f"{number}/{_OWN_SOCKET}"
        where = {"unix_socket_path": f"/proc/self/fd/{self.folder_fd}/{name}"}
        return BrokerControl(where, password=self.password, links=self.links)

    def move_control(self, number: int) -> None:
        """The way to the one that serves now leads to that replica."""
        (self._folder(number) / _OWN_SOCKET).replace(self.folder / _SOCKET)

    def _folder(self, number: int) -> Path:
        return self.folder / str(number)

    def _write(
        self, number: int, listen: list[str], port: int, unix_socket: str, *more: str
    ) -> None:
        data = self._folder(number) / "data"
        data.mkdir(parents=True, exist_ok=True)
        config = self._folder(number) / "broker.conf"
        config.touch(mode=0o600)
        config.write_text(
            broker_config(
                listen=listen,
                port=port,
                password=self.password,
                persistence=self.persistence,
                folder=data.name,
                # A socket is seen from `dir`, so that its path may have any length. A replica is
                # sent the data at once: by default a server waits for a second one.
                more=[
                    f"unixsocket {unix_socket}",
                    "unixsocketperm 700",
                    "repl-diskless-sync-delay 0",
                    *more,
                ],
            )
        )
