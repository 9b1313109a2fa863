"""The broker as a process of this machine, and what can be done to that besides ending it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path

from stallproof.sites.base import Address, Link, Persistence
from stallproof.sites.brokers import BrokerServer
from stallproof.sites.hosts import Host
from stallproof.sites.localloading import LocalLoading
from stallproof.sites.localreplica import LocalReplica
from stallproof.sites.localservers import Servers
from stallproof.sites.logs import ServiceLog


@contextmanager
def local_broker(
    binary: str,
    *,
    folder: Path,
    host: Host,
    links: Mapping[Link, Address],
    aside: Address,
    password: str,
    persistence: Persistence,
    env: Mapping[str, str],
    log: ServiceLog,
    on_unexpected_exit: Callable[[int], None],
) -> Iterator[tuple[BrokerServer, LocalReplica, LocalLoading]]:
    """The server on its host, not started yet, and what can give it a replica, or much to load."""
    folder.mkdir(parents=True)
    folder_fd = os.open(folder, os.O_PATH | os.O_DIRECTORY)
    try:
        servers = Servers(
            binary=binary,
            folder=folder,
            folder_fd=folder_fd,
            host=host,
            links=links,
            aside=aside,
            password=password,
            persistence=persistence,
            env=env,
            log=log,
        )
        servers.serve(1)
        broker = BrokerServer(
            start=servers.start(1),
            wipe=servers.wipe(1),
            control=servers.control(),
            log=log,
            on_unexpected_exit=on_unexpected_exit,
        )
        with closing(broker), closing(LocalReplica(servers, broker)) as replica:
            yield broker, replica, LocalLoading(servers, broker, replica)
    finally:
        os.close(folder_fd)
