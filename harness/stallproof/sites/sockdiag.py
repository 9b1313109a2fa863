"""TCP sockets as the kernel knows them, and SOCK_DESTROY: a real RST on an idle connection.

Netlink's sock_diag in the calling thread's network namespace; no `ss`, which a fresh machine
does not have. Destroying a socket on the broker's side sends its peer an RST, so the client
gets ECONNRESET (104) from its very next call; on its own side it would get ECONNABORTED (103).

Layouts: linux/netlink.h, linux/sock_diag.h, linux/inet_diag.h, linux/tcp.h.
"""

from __future__ import annotations

import errno
import os
import socket
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address
from itertools import count
from typing import Self

NETLINK_SOCK_DIAG = 4
SOCK_DIAG_BY_FAMILY = 20
SOCK_DESTROY = 21
NLMSG_ERROR = 2
NLMSG_DONE = 3
NLM_F_REQUEST = 0x1
NLM_F_ACK = 0x4
NLM_F_DUMP = 0x300
TCP_ESTABLISHED = 1
TCP_TIME_WAIT = 6
TCP_LISTEN = 10
IN_USE = 0xFFF & ~(1 << TCP_LISTEN | 1 << TCP_TIME_WAIT)
_FAMILIES = (socket.AF_INET, socket.AF_INET6)
INET_DIAG_INFO = 2

NLMSGHDR = struct.Struct("=IHHII")
"""length, type, flags, sequence, port id"""
REQUEST_HEAD = struct.Struct("=BBBxI")
"""family, protocol, extensions wanted, states wanted; an `inet_diag_sockid` follows"""
SOCKID = struct.Struct("=2s2s16s16s4s8s")
"""local port, remote port, local address, remote address, interface, cookie"""
MESSAGE_HEAD_B = 4
"""`inet_diag_msg` begins with four bytes (family, state, timer, retrans), then the sockid"""
MESSAGE_B = 72
"""size of `inet_diag_msg`; attributes follow"""
ERROR = struct.Struct("=i")
RTATTR = struct.Struct("=HH")
TCP_INFO_TIMES = struct.Struct("=44xI4xI")
"""in `tcp_info`: tcpi_last_data_sent and tcpi_last_data_recv, in milliseconds"""

ANSWER_DEADLINE_S = 5.0
"""The kernel answers in microseconds; longer than this means it will not."""


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
    attributes = message[MESSAGE_B:]
    while len(attributes) >= RTATTR.size:
        length, kind = RTATTR.unpack_from(attributes)
        if kind == INET_DIAG_INFO:
            return attributes[RTATTR.size : length]
        attributes = attributes[(length + 3) & ~3 :]
    return None


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


class _Diag:
    """One netlink socket, for the length of a `with`."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_SOCK_DIAG)
        self._socket.settimeout(ANSWER_DEADLINE_S)
        self._sequence = count(1)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

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
        """Send one request; yields the messages of its answer until the kernel says done."""
        sequence = next(self._sequence)
        extensions = 1 << (INET_DIAG_INFO - 1)
        head = REQUEST_HEAD.pack(family, socket.IPPROTO_TCP, extensions, states)
        request = head + sockid
        length = NLMSGHDR.size + len(request)
        header = NLMSGHDR.pack(length, type_, NLM_F_REQUEST | flags, sequence, 0)
        self._socket.sendto(header + request, (0, 0))
        while True:
            for kind, answers_to, body in _messages(self._receive(type_)):
                if answers_to != sequence:
                    continue  # the rest of an answer that its reader gave up on
                if kind == NLMSG_ERROR:
                    code = -ERROR.unpack_from(body)[0]
                    if code:
                        raise _refused(type_, code)
                    return
                if kind == NLMSG_DONE:
                    return
                yield body

    def _receive(self, type_: int) -> bytes:
        try:
            return self._socket.recv(1 << 18)
        except TimeoutError:
            raise SockDiagError(
                errno.ETIMEDOUT,
                f"waited {ANSWER_DEADLINE_S} s for the kernel's answer to sock_diag request "
                f"{type_}: nothing came",
            ) from None


def _messages(data: bytes) -> Iterator[tuple[int, int, bytes]]:
    while len(data) >= NLMSGHDR.size:
        length, kind, _flags, sequence, _port = NLMSGHDR.unpack_from(data)
        yield kind, sequence, data[NLMSGHDR.size : length]
        data = data[(length + 3) & ~3 :]


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
    if info is not None:
        sent_ms, received_ms = TCP_INFO_TIMES.unpack_from(info)
        return float(min(sent_ms, received_ms)) / 1000
    raise SockDiagError(errno.EPROTO, "the kernel listed a TCP socket without its tcp_info")


def _refused(type_: int, code: int) -> SockDiagError:
    asked = "destroy a socket" if type_ == SOCK_DESTROY else "list sockets"
    help_ = {
        errno.EPERM: "it takes CAP_NET_ADMIN in the sockets' network namespace",
        errno.EOPNOTSUPP: "this kernel is built without CONFIG_INET_DIAG_DESTROY",
    }.get(code, "see sock_diag(7)")
    return SockDiagError(code, f"cannot {asked}: {os.strerror(code)}: {help_}")
