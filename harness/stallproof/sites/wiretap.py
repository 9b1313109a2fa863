"""How peers end their connections, read from the packets that come in at a host: FIN or RST.

What the host itself sends is not seen: a packet socket of one protocol gets what comes in.

A packet socket in the host's own network, with a filter in the kernel that lets nothing else
through. Layouts: packet(7), linux/filter.h, linux/if_ether.h.
"""

from __future__ import annotations

import ctypes
import socket
import struct
from typing import Literal, NamedTuple

from stallproof.sites.hosts import Host

_INTERFACE = "eth0"
_SO_ATTACH_FILTER = 26
_SO_TIMESTAMPNS = 35
_TIMESPEC = struct.Struct("@ll")
_ETH_P_IP = 0x0800
_PACKET_B = 128
_FIN, _RST = 0x01, 0x04
_LOAD_BYTE, _LOAD_BYTE_AT_X, _X_IS_HEADER_B = 0x30, 0x50, 0xB1
_IF_EQUAL, _IF_ANY_BIT, _RETURN = 0x15, 0x45, 0x06
_PROTOCOL_AT, _FLAGS_AT = 9, 13
_ENDS_A_CONNECTION = (
    (_LOAD_BYTE, 0, 0, _PROTOCOL_AT),
    (_IF_EQUAL, 0, 4, socket.IPPROTO_TCP),
    (_X_IS_HEADER_B, 0, 0, 0),
    (_LOAD_BYTE_AT_X, 0, 0, _FLAGS_AT),
    (_IF_ANY_BIT, 0, 1, _FIN | _RST),
    (_RETURN, 0, 0, _PACKET_B),
    (_RETURN, 0, 0, 0),
)
"""In the kernel's language for such filters: operation, steps to skip if true, if false, value."""


class Ending(NamedTuple):
    """One side has ended a connection: the packet in which it did so."""

    sender: str
    """`ip:port`"""
    receiver: str
    how: Literal["EOF", "reset"]
    at_s: float
    """UNIX time at which it came in."""


class Tap:
    """The endings since it was opened. The kernel keeps some hundred until they are read."""

    def __init__(self) -> None:
        """Raises OSError: no right to read packets here, or no such interface."""
        # Of no protocol until the filter stands: nothing may come in before it.
        self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, 0)
        try:
            self._socket.setblocking(False)
            self._socket.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
            _filter(self._socket)
            self._socket.bind((_INTERFACE, _ETH_P_IP))
        except BaseException:
            self._socket.close()
            raise

    def read(self) -> list[Ending]:
        """Those that were not read before, in the order of their coming."""
        found: list[Ending] = []
        while True:
            try:
                packet, extras, _, _ = self._socket.recvmsg(_PACKET_B, 64)
            except BlockingIOError:
                return found
            ((_, _, stamp),) = extras
            found.append(ending_of(packet, stamp))

    def close(self) -> None:
        self._socket.close()


class HostWiretap:
    """`Wiretap`: of one host."""

    def __init__(self, host: Host) -> None:
        self._host = host

    def open(self) -> Tap:
        return self._host.run(Tap)


def _filter(packets: socket.socket) -> None:
    program = b"".join(struct.pack("=HBBI", *step) for step in _ENDS_A_CONNECTION)
    kept = ctypes.create_string_buffer(program)
    described = struct.pack("@HP", len(_ENDS_A_CONNECTION), ctypes.addressof(kept))
    packets.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, described)


def ending_of(packet: bytes, stamp: bytes) -> Ending:
    """From a packet from its IP header on, and the `timespec` of its coming."""
    header_b = 4 * (packet[0] & 0x0F)
    ports = struct.unpack_from("!HH", packet, header_b)
    ips = (socket.inet_ntoa(packet[12:16]), socket.inet_ntoa(packet[16:20]))
    sender, receiver = (f"{ip}:{port}" for ip, port in zip(ips, ports, strict=True))
    seconds, nanoseconds = _TIMESPEC.unpack_from(stamp)
    reset = packet[header_b + _FLAGS_AT] & _RST
    return Ending(sender, receiver, "reset" if reset else "EOF", seconds + nanoseconds / 1e9)
