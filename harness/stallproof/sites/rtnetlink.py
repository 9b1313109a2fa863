"""Interfaces, addresses and routes of the calling thread's network namespace, by rtnetlink.

Four requests packed by hand, because the boot of every run waits for them: importing
pyroute2 alone takes several times as long as all the rest of the boot.
Layouts: rtnetlink(7), <linux/rtnetlink.h>, <linux/if_link.h>, <linux/veth.h>.
"""

from __future__ import annotations

import os
import socket
import struct
from typing import Self

_TIMEOUT_S = 5.0

_NLMSG_ERROR = 2
_RTM_NEWLINK, _RTM_NEWADDR, _RTM_NEWROUTE = 16, 20, 24
_REQUEST, _ACK, _EXCL, _CREATE = 0x1, 0x4, 0x200, 0x400
_NEW = _CREATE | _EXCL

_IFF_UP = 0x1
_IFLA_IFNAME, _IFLA_LINKINFO, _IFLA_NET_NS_FD = 3, 18, 28
_IFLA_INFO_KIND, _IFLA_INFO_DATA, _VETH_INFO_PEER = 1, 2, 1
_IFA_ADDRESS, _IFA_LOCAL = 1, 2
_RTA_GATEWAY = 5
_RT_TABLE_MAIN, _RTPROT_BOOT, _RT_SCOPE_UNIVERSE, _RTN_UNICAST = 254, 3, 0, 1


class Rtnetlink:
    """A socket to the kernel's routing tables. Every request raises OSError when refused."""

    def __enter__(self) -> Self:
        self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE)
        self._socket.settimeout(_TIMEOUT_S)
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def add_veth(self, name: str, *, peer: str, peer_netns_fd: int) -> None:
        """A pair of interfaces: `name` here, `peer` in the other namespace; both are down."""
        other = _link() + _name(peer)
        other += _attribute(_IFLA_NET_NS_FD, struct.pack("=I", peer_netns_fd))
        info = _attribute(_IFLA_INFO_KIND, b"veth")
        info += _attribute(_IFLA_INFO_DATA, _attribute(_VETH_INFO_PEER, other))
        request = _link() + _name(name) + _attribute(_IFLA_LINKINFO, info)
        self._ask(_RTM_NEWLINK, request, flags=_NEW, what=f"add veth {name}")

    def up(self, name: str) -> None:
        """Take the interface into use."""
        self._ask(_RTM_NEWLINK, _link(flags=_IFF_UP) + _name(name), what=f"set {name} up")

    def add_address(self, name: str, address: str, *, prefix_bits: int) -> None:
        """Give the interface an IPv4 address and the subnet around it."""
        raw = socket.inet_aton(address)
        head = (socket.AF_INET, prefix_bits, 0, _RT_SCOPE_UNIVERSE, socket.if_nametoindex(name))
        request = struct.pack("=BBBBI", *head)
        request += _attribute(_IFA_LOCAL, raw) + _attribute(_IFA_ADDRESS, raw)
        self._ask(_RTM_NEWADDR, request, flags=_NEW, what=f"add {address} to {name}")

    def add_default_route(self, gateway: str) -> None:
        """Send everything that is not on a subnet of this host to `gateway`."""
        kind = (_RT_TABLE_MAIN, _RTPROT_BOOT, _RT_SCOPE_UNIVERSE, _RTN_UNICAST)
        request = struct.pack("=BBBBBBBBI", socket.AF_INET, 0, 0, 0, *kind, 0)
        request += _attribute(_RTA_GATEWAY, socket.inet_aton(gateway))
        self._ask(_RTM_NEWROUTE, request, flags=_NEW, what=f"default route by {gateway}")

    def _ask(self, kind: int, request: bytes, *, what: str, flags: int = 0) -> None:
        header = struct.pack("=IHHII", 16 + len(request), kind, flags | _REQUEST | _ACK, 1, 0)
        self._socket.send(header + request)
        answer = self._socket.recv(65536)
        answered, error = struct.unpack_from("=4xH10xi", answer)
        assert answered == _NLMSG_ERROR, f"{what}: answer of type {answered}"
        if error:  # 0 is the acknowledgement
            raise OSError(-error, f"{what}: {os.strerror(-error)}")


def _link(flags: int = 0) -> bytes:
    """`struct ifinfomsg`: the flags to set, all others left as they are."""
    return struct.pack("=BxHiII", socket.AF_UNSPEC, 0, 0, flags, flags)


def _name(name: str) -> bytes:
    return _attribute(_IFLA_IFNAME, name.encode() + b"\0")


def _attribute(kind: int, value: bytes) -> bytes:
    """`struct rtattr`: length and type, then the value, padded to four bytes."""
    padding = b"\0" * (-len(value) % 4)
    return struct.pack("=HH", 4 + len(value), kind) + value + padding
