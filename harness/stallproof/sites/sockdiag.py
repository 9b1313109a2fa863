"""TCP sockets as the kernel knows them, and SOCK_DESTROY: a real RST on an idle connection.

Netlink's sock_diag in the calling thread's network namespace; no `ss`, which a fresh machine
does not have. Destroying a socket on the broker's side sends its peer an RST, so the client
gets ECONNRESET (104) from its very next call; on its own side it would get ECONNABORTED (103).

Layouts: linux/sock_diag.h, linux/inet_diag.h, linux/tcp.h.
"""

from __future__ import annotations

import errno
import socket
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address

from stallproof.sites.netlink import (
    NETLINK_SOCK_DIAG,
    NLM_F_ACK,
    NLM_F_DUMP,
    Message,
    Netlink,
    attributes,
)

SOCK_DIAG_BY_FAMILY = 20
SOCK_DESTROY = 21
TCP_ESTABLISHED = 1
TCP_TIME_WAIT = 6
TCP_LISTEN = 10
IN_USE = 0xFFF & ~(1 << TCP_LISTEN | 1 << TCP_TIME_WAIT)
_FAMILIES = (socket.AF_INET, socket.AF_INET6)
INET_DIAG_INFO = 2

REQUEST_HEAD = struct.Struct("=BBBxI")
"""family, protocol, extensions wanted, states wanted; an `inet_diag_sockid` follows"""
SOCKID = struct.Struct("=2s2s16s16s4s8s")
"""local port, remote port, local address, remote address, interface, cookie"""
MESSAGE_HEAD_B = 4
"""`inet_diag_msg` begins with four bytes (family, state, timer, retrans), then the sockid"""
MESSAGE_B = 72
"""size of `inet_diag_msg`; attributes follow"""
TCP_INFO_TIMES = struct.Struct("=44xI4xI")
"""in `tcp_info`: tcpi_last_data_sent and tcpi_last_data_recv, in milliseconds"""


class SockDiagError(OSError):
    """The kernel refused. One line: what was asked, what it said, what would help."""


@dataclass(frozen=True)
class _Established:
    family: int
    sockid: bytes
    """As the kernel gave it, cookie included: names this socket and no later one."""
    local_ip: IPv4Address | IPv6Address
    peer: tuple[str, int]
    idle_s: float


def idle_for_s(local_ip: str, port: int) -> list[float]:
    """For each established TCP socket with that local address: seconds since data crossed it.

    Data either way counts; keepalive probes and bare acknowledgements do not.

    Raises:
        ValueError: `local_ip` is not an IP address.
        SockDiagError: the kernel refused, or did not answer in time.
    """
    with _Diag() as diag:
        return [found.idle_s for found in diag.established(ip_address(local_ip), port)]


def peers_of(local_ip: str, port: int) -> list[tuple[str, int]]:
    """For each established TCP socket with that local address: the other end's IP and port.

    Raises:
        ValueError: `local_ip` is not an IP address.
        SockDiagError: the kernel refused, or did not answer in time.
    """
    with _Diag() as diag:
        return [found.peer for found in diag.established(ip_address(local_ip), port)]


def every() -> list[bytes]:
    """Each TCP socket that neither listens nor is over (TIME-WAIT), as `inet_diag_msg`.

    Raises:
        SockDiagError: the kernel refused, or did not answer in time.
    """
    with _Diag() as diag:
        return [message for family in _FAMILIES for message in diag.dump(family)]


def tcp_info(message: bytes) -> bytes | None:
    """The `tcp_info` that comes with an `inet_diag_msg`; None for a socket that has none."""
    return dict(attributes(message[MESSAGE_B:])).get(INET_DIAG_INFO)


def destroy(local_ip: str, port: int, *, min_idle_s: float = 0.0) -> int:
    """Destroy those of them that have been idle for at least `min_idle_s`; answers how many.

    A socket that closes by itself meanwhile is not counted.

    Raises:
        ValueError: `local_ip` is not an IP address.
        SockDiagError: no CAP_NET_ADMIN in this network namespace (EPERM), a kernel without
            CONFIG_INET_DIAG_DESTROY (EOPNOTSUPP), or no answer in time.
    """
    with _Diag() as diag:
        idle = [
            found
            for found in diag.established(ip_address(local_ip), port)
            if found.idle_s >= min_idle_s
        ]
        return sum(diag.destroy(found) for found in idle)


class _Diag(Netlink):
    """One netlink socket, for the length of a `with`."""

    def __init__(self) -> None:
        super().__init__(NETLINK_SOCK_DIAG)

    def established(self, local_ip: IPv4Address | IPv6Address, port: int) -> Iterator[_Established]:
        # A server that listens on [::] owns IPv4 connections as IPv6 sockets, and an IPv4 dump
        # leaves those out: ask for both families and compare the addresses unmapped.
        wanted = SOCKID.pack(struct.pack("!H", port), b"", b"", b"", b"", b"")
        for family in _FAMILIES:
            for message in self._ask(SOCK_DIAG_BY_FAMILY, NLM_F_DUMP, family, wanted):
                found = _parse(message)
                if found.local_ip == local_ip:
                    yield found

    def dump(self, family: int) -> Iterator[bytes]:
        any_port = bytes(SOCKID.size)
        yield from self._ask(SOCK_DIAG_BY_FAMILY, NLM_F_DUMP, family, any_port, states=IN_USE)

    def destroy(self, target: _Established) -> bool:
        """False: it was gone before."""
        try:
            for _ in self._ask(SOCK_DESTROY, NLM_F_ACK, target.family, target.sockid):
                pass
        except SockDiagError as error:
            if error.errno == errno.ENOENT:
                return False
            raise
        return True

    def _ask(
        self,
        type_: int,
        flags: int,
        family: int,
        sockid: bytes,
        *,
        states: int = 1 << TCP_ESTABLISHED,
    ) -> Iterator[bytes]:
        extensions = 1 << (INET_DIAG_INFO - 1)
        head = REQUEST_HEAD.pack(family, socket.IPPROTO_TCP, extensions, states)
        try:
            yield from self.ask(Message(type_, flags, head + sockid))
        except OSError as error:
            raise _refused(type_, error) from error


def _parse(message: bytes) -> _Established:
    family = message[0]
    sockid = message[MESSAGE_HEAD_B : MESSAGE_HEAD_B + SOCKID.size]
    _, port, source, destination, *_ = SOCKID.unpack(sockid)
    return _Established(
        family,
        sockid,
        unmapped(family, source),
        (str(unmapped(family, destination)), int.from_bytes(port, "big")),
        _idle_s(message),
    )


def unmapped(family: int, address: bytes) -> IPv4Address | IPv6Address:
    """A sockid's address; one of IPv4 as such, also where an IPv6 socket holds it."""
    if family == socket.AF_INET:
        return IPv4Address(address[:4])
    full = IPv6Address(address)
    return full.ipv4_mapped or full


def _idle_s(message: bytes) -> float:
    info = tcp_info(message)
    if info is None:
        raise SockDiagError(errno.EPROTO, "the kernel listed a TCP socket without its tcp_info")
    return float(min(TCP_INFO_TIMES.unpack_from(info))) / 1000


def _refused(type_: int, error: OSError) -> SockDiagError:
    asked = "destroy a socket" if type_ == SOCK_DESTROY else "list sockets"
    help_ = {
        errno.EPERM: "it takes CAP_NET_ADMIN in the sockets' network namespace",
        errno.EOPNOTSUPP: "this kernel is built without CONFIG_INET_DIAG_DESTROY",
    }.get(error.errno or 0, "see sock_diag(7)")
    return SockDiagError(error.errno, f"cannot {asked}: {error.strerror}: {help_}")
