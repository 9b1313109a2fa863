r"""A network of the run's own: three hosts around a gateway, which is where the runner is.

    api 198.18.1.2 ---- 198.18.1.1 \
                                     gateway (the runner, Toxiproxy) 198.18.3.1 ---- broker
    worker 198.18.2.2 - 198.18.2.1 /                              198.18.3.11 .. 198.18.3.14

198.18.0.0/15 is set aside for tests between isolated networks (RFC 2544, appendix C.2.2).
Each further instance of a service is a host of its own (198.18.4.2 and so on).

As a program (`python -m stallproof.sites.gateway`) it builds the network once and exits:
the proof that this machine can.
"""

from __future__ import annotations

import contextlib
import os
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pyroute2 import IPRoute, NetlinkError

from stallproof.sites.base import API, BACKEND, Address, Link, SiteError
from stallproof.sites.hosts import Here, NetnsHost
from stallproof.sites.network import FIRST_LINK, Network, Spot

_SUBNET = {"api": 1, "worker": 2, "broker": 3}
_FURTHER_SUBNETS = range(4, 255)
_PREFIX_BITS = 24
_BROKER_PORT = 6379
_PROXY_PORT = {False: 6379, True: 6380}
"""Where the gateway listens for a service: broker links, backend links."""
_SERVICE_PORT = 8080
_CONTROL_PORT = 8474


@contextmanager
def namespaced() -> Iterator[Network]:
    """Build the hosts; this process's network becomes the gateway.

    Raises:
        SiteError: the kernel refuses a step; the text names it.
    """
    with contextlib.ExitStack() as stack:
        hosts = {name: NetnsHost(name) for name in _SUBNET}
        for host in hosts.values():
            stack.callback(host.close)
        try:
            with IPRoute() as gateway:
                _up(gateway, "lo")
                for name, host in hosts.items():
                    _join(gateway, name, host, subnet=_SUBNET[name])
            Path("/proc/sys/net/ipv4/ip_forward").write_text("1")
        except (OSError, NetlinkError) as error:
            raise SiteError(f"cannot build the run's network: {error}") from error

        further = iter(_FURTHER_SUBNETS)

        def another(service: str) -> Spot:
            if (subnet := next(further, None)) is None:
                raise SiteError(f"no more than {len(_FURTHER_SUBNETS)} further instances in a run")
            host = NetnsHost(f"{service}-{subnet}")
            stack.callback(host.close)
            try:
                with IPRoute() as gateway:
                    _join(gateway, f"{service}-{subnet}", host, subnet=subnet)
            except (OSError, NetlinkError) as error:
                raise SiteError(f"cannot build a host for the {service}: {error}") from error
            return Spot(host, Address(_ip(subnet, 2), _SERVICE_PORT))

        yield Network(
            hosts={**hosts, "gateway": Here()},
            broker={link: Address(_broker_ip(link), _BROKER_PORT) for link in Link},
            aside=Address("127.0.0.1", _BROKER_PORT),
            proxy={
                link: Address(
                    _ip(_SUBNET["api" if link in API else "worker"], 1), _proxy_port(link)
                )
                for link in Link
            },
            control=Address("127.0.0.1", _CONTROL_PORT),
            service={
                name: Address(_ip(_SUBNET[name], 2), _SERVICE_PORT) for name in ("api", "worker")
            },
            another=another,
        )


def _ip(subnet: int, last: int) -> str:
    return f"198.18.{subnet}.{last}"


def _broker_ip(link: Link) -> str:
    return _ip(_SUBNET["broker"], FIRST_LINK + list(Link).index(link))


def _proxy_port(link: Link) -> int:
    return _PROXY_PORT[link in BACKEND]


def _join(gateway: IPRoute, name: str, host: NetnsHost, *, subnet: int) -> None:
    """A veth pair: one end here under the host's name, the other as eth0 over there."""
    fd = host.netns_fd()
    try:
        peer = {"ifname": "eth0", "net_ns_fd": fd}
        gateway.link("add", ifname=name, kind="veth", peer=peer)
    finally:
        os.close(fd)
    _address(gateway, name, _ip(subnet, 1))
    _up(gateway, name)
    own = [_ip(subnet, 2)]
    if name == "broker":
        own += [_broker_ip(link) for link in Link]
    host.run(_configure, own, router=_ip(subnet, 1))


def _configure(addresses: list[str], *, router: str) -> None:
    """What a host does in its own network namespace."""
    with IPRoute() as here:
        _up(here, "lo")
        for address in addresses:
            _address(here, "eth0", address)
        _up(here, "eth0")
        here.route("add", dst="default", gateway=router)


def _up(netlink: IPRoute, name: str) -> None:
    netlink.link("set", index=socket.if_nametoindex(name), state="up")


def _address(netlink: IPRoute, name: str, address: str) -> None:
    index = socket.if_nametoindex(name)
    netlink.addr("add", index=index, address=address, prefixlen=_PREFIX_BITS)


if __name__ == "__main__":
    try:
        with namespaced() as built, socket.socket() as probe:
            built.hosts["broker"].run(probe.fileno)
    except SiteError as site_error:
        sys.exit(str(site_error))
