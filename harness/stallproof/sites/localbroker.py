"""The broker as a process of this machine."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path

from stallproof.sites.base import Address, Link, Persistence
from stallproof.sites.brokers import BrokerControl, BrokerServer, broker_config
from stallproof.sites.hosts import Host
from stallproof.sites.life import OnExit
from stallproof.sites.logs import ServiceLog
from stallproof.sites.process import Process

_SOCKET = "broker.sock"


@contextmanager
def local_broker(
    binary: str,
    *,
    folder: Path,
    host: Host,
    links: Mapping[Link, Address],
    password: str,
    persistence: Persistence,
    env: Mapping[str, str],
    log: ServiceLog,
    on_unexpected_exit: Callable[[int], None],
) -> Iterator[BrokerServer]:
    """The server on its host, not started yet, with a Unix socket as the untouched way."""
    (port,) = {address.port for address in links.values()}
    data = folder / "data"
    data.mkdir(parents=True)
    config = folder / "broker.conf"
    config.touch(mode=0o600)
    config.write_text(
        broker_config(
            listen=[address.host for address in links.values()],
            port=port,
            password=password,
            persistence=persistence,
            folder=data.name,
            # Seen from `dir`, so that its path may have any length.
            more=[f"unixsocket ../{_SOCKET}", "unixsocketperm 700"],
        )
    )

    def start(on_exit: OnExit) -> Process:
        return Process(
            [binary, str(config)],
            env={"LANG": "C.UTF-8", **env},
            cwd=folder,
            host=host,
            log=log,
            on_exit=on_exit,
        )

    def wipe() -> None:
        shutil.rmtree(data)
        data.mkdir()

    # Through a descriptor: a socket's path may have 107 bytes, a run's folder has more.
    folder_fd = os.open(folder, os.O_PATH | os.O_DIRECTORY)
    try:
        where = {"unix_socket_path": f"/proc/self/fd/{folder_fd}/{_SOCKET}"}
        broker = BrokerServer(
            start=start,
            wipe=wipe,
            control=BrokerControl(where, password=password, links=links),
            log=log,
            on_unexpected_exit=on_unexpected_exit,
        )
        with closing(broker):
            yield broker
    finally:
        os.close(folder_fd)
