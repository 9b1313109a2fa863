"""The run's own network: who runs where. Here on plain loopback; in `gateway.py` as real hosts.

The broker has an address for each link, so a connection tells by its local address whose it is.
On loopback (where namespaces are refused) the hosts are all one, links have addresses in a random
127.x.y.0/24, and ports are whatever is free.
"""

from __future__ import annotations

import contextlib
import random
import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import NamedTuple

from stallproof.sites.base import Address, Link, SiteError
from stallproof.sites.hosts import Here, Host

FIRST_LINK = 11
"""The last part of the broker's address on the first link; the others follow."""
_TRIES = 50


class Spot(NamedTuple):
    """A place for an instance of a service."""

    host: Host
    address: Address
    """Where it answers HTTP, as the harness reaches it."""


@dataclass(frozen=True, kw_only=True)
class Network:
    """Who runs where, and every address in use."""

    hosts: Mapping[str, Host]
    """`api`, `worker`, `broker`, `gateway`."""
    broker: Mapping[Link, Address]
    """The broker's own address on each link."""
    aside: Address
    """One more of the broker's own, which only another server on its host knows."""
    proxy: Mapping[Link, Address]
    """Where the proxy of each link accepts connections."""
    control: Address
    """Toxiproxy's HTTP API."""
    service: Mapping[str, Address]
    """Where `api` and `worker` answer HTTP, as the harness reaches them."""
    another: Callable[[str], Spot]
    """Makes a place for one more instance of the service, which reaches all that the first does.

    Raises:
        SiteError: there is none to be had.
    """


@contextmanager
def loopback() -> Iterator[Network]:
    """Addresses of 127.0.0.0/8 and free ports for a run without namespaces.

    Raises:
        SiteError: no free port was found.
    """
    net = f"127.{random.randrange(1, 255)}.{random.randrange(256)}"
    links = {link: f"{net}.{FIRST_LINK + i}" for i, link in enumerate(Link)}
    aside = f"{net}.{FIRST_LINK + len(Link)}"
    broker_port = _common_port([*links.values(), aside])
    # The services listen on every address, so their ports have to be free on all of them.
    *proxies, control, api, worker = _free_ports([f"{net}.1"] * (len(Link) + 1) + [""] * 2)
    yield Network(
        hosts=dict.fromkeys(("api", "worker", "broker", "gateway"), Here()),
        broker={link: Address(host, broker_port) for link, host in links.items()},
        aside=Address(aside, broker_port),
        proxy={link: Address(f"{net}.1", port) for link, port in zip(Link, proxies, strict=True)},
        control=Address(f"{net}.1", control),
        service={"api": Address("127.0.0.1", api), "worker": Address("127.0.0.1", worker)},
        another=lambda _service: Spot(Here(), Address("127.0.0.1", *_free_ports([""]))),
    )


def _free_ports(addresses: list[str]) -> list[int]:
    """A port of its own for each, which nobody holds just now."""
    with contextlib.ExitStack() as stack:
        listeners = [stack.enter_context(socket.socket()) for _ in addresses]
        for listener, address in zip(listeners, addresses, strict=True):
            listener.bind((address, 0))
        return [listener.getsockname()[1] for listener in listeners]


def _common_port(addresses: list[str]) -> int:
    """One port that nobody holds on any of them just now."""
    for _ in range(_TRIES):
        with contextlib.ExitStack() as stack, contextlib.suppress(OSError):
            port = 0
            for address in addresses:
                listener = stack.enter_context(socket.socket())
                listener.bind((address, port))
                port = listener.getsockname()[1]
            return port
    raise SiteError(f"no port is free on {', '.join(addresses)} in {_TRIES} tries")
