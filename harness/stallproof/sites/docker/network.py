"""Who has which address on the run's network, and that network itself.

    .1 the engine's bridge      .2 api  .3 worker  .4 Toxiproxy
    .5 the broker's host, by which the harness reaches it: no fault touches that
    .11 .. .14 the same host: an address a link
    .128 and above: the engine's own to give, and so never one of these

One /24 a run out of 198.18.0.0/15, which is set aside for tests between isolated networks
(RFC 2544, appendix C.2.2).
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import docker.errors
from docker.types import IPAMConfig, IPAMPool
from testcontainers.core.network import Network

from stallproof.sites.base import Address, Link, SiteError
from stallproof.sites.docker.containers import LABEL
from stallproof.sites.docker.engine import explained

OVERLAPS = "overlaps"
"""The engine's word for a network whose addresses another has."""
NETMASK = "255.255.255.0"
_FIRST_LINK = 11
_BROKER_PORT = 6379
_FIRST_PROXY_PORT = 6380
_TOXIPROXY_PORT = 8474
_SERVICE_PORT = 8080
_TRIES = 50


@dataclass(frozen=True)
class Plan:
    """Every address of a run. `net` is the first three numbers of all of them."""

    name: str
    """The network's, at the engine."""
    net: str

    def ip(self, last: int) -> str:
        return f"{self.net}.{last}"

    @property
    def service(self) -> dict[str, Address]:
        """Where `api` and `worker` answer HTTP."""
        return {
            "api": Address(self.ip(2), _SERVICE_PORT),
            "worker": Address(self.ip(3), _SERVICE_PORT),
        }

    @property
    def toxiproxy(self) -> Address:
        """Its HTTP API."""
        return Address(self.ip(4), _TOXIPROXY_PORT)

    @property
    def proxy(self) -> dict[Link, Address]:
        """Where the proxy of each link accepts connections."""
        return {
            link: Address(self.ip(4), _FIRST_PROXY_PORT + number)
            for number, link in enumerate(Link)
        }

    @property
    def control(self) -> Address:
        """The way to the broker that no fault touches."""
        return Address(self.ip(5), _BROKER_PORT)

    @property
    def broker(self) -> dict[Link, Address]:
        """The broker's own address on each link."""
        return {
            link: Address(self.ip(_FIRST_LINK + number), _BROKER_PORT)
            for number, link in enumerate(Link)
        }


@contextmanager
def network_of(run: str) -> Iterator[Plan]:
    """A network of the run's own, and the plan of its addresses.

    Raises:
        SiteError: the engine makes none.
    """
    with explained("make the run's network"):
        network, net = _create(run)
    try:
        yield Plan(name=network.name, net=net)
    finally:
        with explained("remove the run's network"):
            network.remove()


def _create(run: str) -> tuple[Network, str]:
    for net in candidates():
        pool = IPAMPool(subnet=f"{net}.0/24", gateway=f"{net}.1", iprange=f"{net}.128/25")
        wanted = {
            "driver": "bridge",
            "ipam": IPAMConfig(pool_configs=[pool]),
            "labels": {LABEL: run},
        }
        try:
            return Network(docker_network_kw=wanted).create(), net
        except docker.errors.APIError as error:
            if OVERLAPS not in str(error.explanation):
                raise
    raise AssertionError("candidates end with an error")


def candidates() -> Iterator[str]:
    """The first three numbers of one /24 after the other, to be tried.

    Raises:
        SiteError: enough were tried.
    """
    for _ in range(_TRIES):
        yield f"198.{random.choice((18, 19))}.{random.randrange(256)}"
    raise SiteError(f"docker: no /24 of 198.18.0.0/15 is free in {_TRIES} tries")
