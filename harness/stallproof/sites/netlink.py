"""Netlink in the network namespace this process is in: what is asked, packed, and what comes back.

    with Netlink(NETLINK_NETFILTER) as kernel:
        for body in kernel.ask(Message(kind, NLM_F_DUMP, packed_request)):
            dict(attributes(body[4:]))

Knows nothing of the harness: the standard library only, so that it works where nothing else is
(`docker/agent.py`). Layouts: linux/netlink.h, linux/netfilter/nfnetlink.h.
"""

from __future__ import annotations

import errno
import os
import socket
import struct
from collections.abc import Iterator, Sequence
from itertools import count
from typing import NamedTuple, Self

NETLINK_SOCK_DIAG = 4
NETLINK_NETFILTER = 12
NLM_F_REQUEST = 0x1
NLM_F_ACK = 0x4
NLM_F_DUMP = 0x300
NLM_F_CREATE = 0x400
NLM_F_APPEND = 0x800

_ERROR, _DONE = 2, 3
_HEADER = struct.Struct("=IHHII")
"""length, kind, flags, sequence, port id"""
_CODE = struct.Struct("=i")
_ATTRIBUTE = struct.Struct("=HH")
"""length with this head, kind"""
_NESTED = 0x8000
_KIND = 0x3FFF
_NETFILTER = struct.Struct("!BxH")
"""`nfgenmsg`: family, resource id"""
NETFILTER_B = _NETFILTER.size

ANSWER_DEADLINE_S = 5.0
"""The kernel answers in microseconds; longer than this means it will not."""
_RECEIVE_B = 1 << 18
_SEND_B = 1 << 20
"""Asked for; the kernel gives what it allows, room for a thousand packet rules at once."""


class NetlinkError(OSError):
    """The kernel refused, or did not answer in time."""


class Message(NamedTuple):
    """One request."""

    kind: int
    flags: int
    body: bytes


class Netlink:
    """A netlink socket, for the length of a `with`.

    Raises:
        OSError: this kernel knows no such protocol.
    """

    def __init__(self, protocol: int) -> None:
        self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, protocol)
        self._socket.settimeout(ANSWER_DEADLINE_S)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_B)
        self._sequence = count(1)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def ask(self, *messages: Message) -> Iterator[bytes]:
        """Send them at once; the bodies of the answers, until nothing more comes.

        That is when the last one is answered that asks for an acknowledgement (`NLM_F_ACK`) or
        for a dump; there must be one. A refusal comes in any case, and before.

        Raises:
            NetlinkError: the kernel refused one of them, or did not answer in time.
        """
        numbered = {next(self._sequence): message for message in messages}
        (*_, last) = (n for n, each in numbered.items() if each.flags & (NLM_F_ACK | NLM_F_DUMP))
        packed = [_packed(message, number) for number, message in numbered.items()]
        self._socket.sendto(b"".join(packed), (0, 0))
        while True:
            for kind, answers_to, body in _messages(self._receive()):
                if answers_to not in numbered:
                    continue  # the rest of an answer that its reader gave up on
                if kind not in (_ERROR, _DONE):
                    yield body
                elif code := -_CODE.unpack_from(body)[0]:
                    raise NetlinkError(code, os.strerror(code))
                elif answers_to == last:
                    return

    def _receive(self) -> bytes:
        try:
            return self._socket.recv(_RECEIVE_B)
        except TimeoutError:
            raise NetlinkError(
                errno.ETIMEDOUT,
                f"waited {ANSWER_DEADLINE_S} s for the kernel's answer over netlink: nothing came",
            ) from None


def _packed(message: Message, number: int) -> bytes:
    length = _HEADER.size + len(message.body)
    head = _HEADER.pack(length, message.kind, NLM_F_REQUEST | message.flags, number, 0)
    return head + message.body + bytes(-length % 4)


def _messages(data: bytes) -> Iterator[tuple[int, int, bytes]]:
    while len(data) >= _HEADER.size:
        length, kind, _flags, sequence, _port = _HEADER.unpack_from(data)
        yield kind, sequence, data[_HEADER.size : length]
        data = data[(length + 3) & ~3 :]


def netfilter(resource: int = 0) -> bytes:
    """What the body of every message of netfilter's begins with, for IPv4: `NETFILTER_B` bytes."""
    return _NETFILTER.pack(socket.AF_INET, resource)


def attribute(kind: int, value: bytes | int | str) -> bytes:
    """One attribute: bytes as they are, a number in four bytes of the network's order, a text."""
    if isinstance(value, int):
        value = value.to_bytes(4, "big", signed=value < 0)
    elif isinstance(value, str):
        value = value.encode() + b"\0"
    length = _ATTRIBUTE.size + len(value)
    return _ATTRIBUTE.pack(length, kind) + value + bytes(-length % 4)


def nested(kind: int, inner: Sequence[bytes]) -> bytes:
    """An attribute made of attributes."""
    return attribute(kind | _NESTED, b"".join(inner))


def attributes(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Those that follow one another there: the kind of each, and its value."""
    while len(data) >= _ATTRIBUTE.size:
        length, kind = _ATTRIBUTE.unpack_from(data)
        yield kind & _KIND, data[_ATTRIBUTE.size : length]
        data = data[(length + 3) & ~3 :]
