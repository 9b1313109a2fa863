"""What a packet rule (`nft.py`) matches, and what it does: expressions, packed for the kernel.

    [*between(client, broker), *counted(), *dropped()]

Knows nothing of the harness: the standard library and `netlink.py` only.
Layouts: linux/netfilter/nf_tables.h, nf_conntrack_common.h.
"""

from __future__ import annotations

import socket
import struct
import sys
from collections.abc import Callable

from stallproof.sites.netlink import attribute, nested

Expression = str
"""In hex, as a rule has it."""
Match = Callable[[str], list[Expression]]

_LIST_ELEMENT = 1
_EXPRESSION_NAME, _EXPRESSION_DATA = 1, 2
_DATA_VALUE, _DATA_VERDICT, _VERDICT_CODE = 1, 2, 1
_DROP = 0
_VERDICT, _REGISTER = 0, 1
_NETWORK_HEADER, _TRANSPORT_HEADER = 1, 2
_EQUAL, _NOT_EQUAL, _LESS = 0, 1, 2
_CT_STATE, _CT_DIRECTION = 0, 1
_CT_INVALID, _CT_NEW = 1, 8
_CT_ORIGINAL = 0
_NUMGEN_RANDOM = 1
_TO_NETWORK_ORDER = 1
_REJECT_TCP_RST = 1
_TCP_FLAGS_AT, _SYN, _RST, _SYN_ACK = 13, 0x02, 0x04, 0x12
_PARTS = 10_000
"""What a percentage is resolved to: hundredths of a percent."""


# What a rule matches.


def to(ip: str) -> list[Expression]:
    """Packets whose destination is this IPv4 address."""
    return [_load(_NETWORK_HEADER, 16, 4), _compare(socket.inet_aton(ip))]


def of(ip: str) -> list[Expression]:
    """Packets whose source is this IPv4 address."""
    return [_load(_NETWORK_HEADER, 12, 4), _compare(socket.inet_aton(ip))]


def between(source: tuple[str, int], destination: tuple[str, int]) -> list[Expression]:
    """TCP packets from exactly here to exactly there: one direction of one connection."""
    ips = socket.inet_aton(source[0]) + socket.inet_aton(destination[0])
    return [
        _load(_NETWORK_HEADER, 12, 8),
        _compare(ips),
        _load(_TRANSPORT_HEADER, 0, 4),
        _compare(struct.pack("!HH", source[1], destination[1])),
    ]


def opening() -> list[Expression]:
    """The first packet of a connection: SYN without ACK."""
    return [*_flags(_SYN_ACK), _compare(bytes([_SYN]))]


def no_reset() -> list[Expression]:
    """Packets that are no RST. None is sent in answer to one; and on a host, where the rules see
    what it sends itself, they would hold up their own.
    """
    return [*_flags(_RST), _compare(bytes(1))]


def by_chance(percent: float) -> list[Expression]:
    """Each packet with that chance, drawn by the kernel (0.01 is the least that counts)."""
    drawn = _expression("numgen", _REGISTER, _PARTS, _NUMGEN_RANDOM, 0)
    # numgen leaves a number in the machine's byte order, and cmp compares bytes.
    swapped = _expression("byteorder", _REGISTER, _REGISTER, _TO_NETWORK_ORDER, 4, 4)
    return [drawn, swapped, _compare(struct.pack("!I", round(percent / 100 * _PARTS)), _LESS)]


def tracked() -> list[Expression]:
    """Every packet; that a rule asks for the state makes the kernel track connections."""
    return [_expression("ct", _REGISTER, _CT_STATE)]


def invalid() -> list[Expression]:
    """Packets that belong to no connection that the kernel tracks, nor open one."""
    return [*tracked(), _masked(_CT_INVALID, 4), _compare(bytes(4), _NOT_EQUAL)]


def astray() -> list[Expression]:
    """Packets in mid-connection that the kernel does not track, but from now on would."""
    return [
        *tracked(),
        _masked(_CT_NEW, 4),
        _compare(bytes(4), _NOT_EQUAL),
        *_flags(_SYN_ACK),
        _compare(bytes([_SYN]), _NOT_EQUAL),
    ]


def from_the_opener() -> list[Expression]:
    """Packets from the side that, as the kernel remembers, sent the connection's first one."""
    return [_expression("ct", _REGISTER, _CT_DIRECTION), _compare(bytes([_CT_ORIGINAL]))]


# What a rule does.


def counted() -> list[Expression]:
    return [_expression("counter")]


def dropped() -> list[Expression]:
    verdict = nested(_DATA_VERDICT, [attribute(_VERDICT_CODE, _DROP)])
    return [_expression("immediate", _VERDICT, verdict)]


def reset() -> list[Expression]:
    """Answer with a TCP RST and drop."""
    return [_expression("reject", _REJECT_TCP_RST)]


def _load(base: int, offset: int, length: int) -> Expression:
    return _expression("payload", _REGISTER, base, offset, length)


def _flags(mask: int) -> list[Expression]:
    return [_load(_TRANSPORT_HEADER, _TCP_FLAGS_AT, 1), _masked(mask)]


def _masked(mask: int, length: int = 1) -> Expression:
    bits = attribute(_DATA_VALUE, mask.to_bytes(length, sys.byteorder))
    nothing = attribute(_DATA_VALUE, bytes(length))
    return _expression("bitwise", _REGISTER, _REGISTER, length, bits, nothing)


def _compare(value: bytes, how: int = _EQUAL) -> Expression:
    return _expression("cmp", _REGISTER, how, attribute(_DATA_VALUE, value))


def _expression(name: str, *values: int | bytes) -> Expression:
    """Its attributes are numbered from 1 in the order of the header; bytes are attributes, too."""
    data = [
        nested(number, [value]) if isinstance(value, bytes) else attribute(number, value)
        for number, value in enumerate(values, start=1)
    ]
    inside = [attribute(_EXPRESSION_NAME, name), nested(_EXPRESSION_DATA, data)]
    return nested(_LIST_ELEMENT, inside).hex()
