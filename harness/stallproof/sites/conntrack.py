"""The kernel's memory of connections in the network namespace this process is in.

Tracking begins with the first rule that asks for it (`packet.tracked`): let it stand before the
first connection, or the kernel takes the older ones for strangers.

Knows nothing of the harness: the standard library and `netlink.py` only.
Layouts: linux/netfilter/nfnetlink_conntrack.h, nfnetlink_cttimeout.h.
"""

from __future__ import annotations

import errno
import socket
import struct
from collections.abc import Collection

from stallproof.sites.netlink import (
    NETFILTER_B,
    NETLINK_NETFILTER,
    NLM_F_ACK,
    NLM_F_DUMP,
    Message,
    Netlink,
    NetlinkError,
    attribute,
    attributes,
    nested,
    netfilter,
)

ESTABLISHED_S = 432_000
"""Five days: how long Linux remembers an idle connection by itself."""
_CONNTRACK, _TIMEOUTS = 1, 8
_NEW, _GET, _DELETE = 0, 1, 2
_DEFAULT_SET = 3
_TIMEOUT_L3, _TIMEOUT_L4, _TIMEOUT_DATA = 2, 3, 4
_TIMEOUT_ESTABLISHED = 3
_TUPLE, _REPLY_TUPLE, _PROTOCOL_STATE, _TIMEOUT = 1, 2, 4, 7
_TUPLE_IP, _TUPLE_PROTOCOL = 1, 2
_SOURCE, _DESTINATION = 1, 2
_SOURCE_PORT, _DESTINATION_PORT = 2, 3
_TCP, _TCP_STATE = 1, 1
_ESTABLISHED = 3
"""TCP_CONNTRACK_ESTABLISHED in nf_conntrack_tcp.h."""
_STATES = (
    "NONE",
    "SYN_SENT",
    "SYN_RECV",
    "ESTABLISHED",
    "FIN_WAIT",
    "CLOSE_WAIT",
    "LAST_ACK",
    "TIME_WAIT",
    "CLOSE",
)
"""`enum tcp_conntrack` there."""


def remember_for(*, idle_s: int) -> None:
    """How long an idle connection is remembered, from its next packet on.

    That is net.netfilter.nf_conntrack_tcp_timeout_established; but a container may only read
    that file, with whatever capabilities.

    Raises:
        OSError: no CAP_NET_ADMIN in this network namespace, or a kernel without
            CONFIG_NF_CT_NETLINK_TIMEOUT.
    """
    body = [
        attribute(_TIMEOUT_L3, struct.pack("!H", socket.AF_INET)),
        attribute(_TIMEOUT_L4, bytes([socket.IPPROTO_TCP])),
        nested(_TIMEOUT_DATA, [attribute(_TIMEOUT_ESTABLISHED, idle_s)]),
    ]
    kind = _number(_DEFAULT_SET, _TIMEOUTS)
    try:
        with Netlink(NETLINK_NETFILTER) as kernel:
            for _ in kernel.ask(Message(kind, NLM_F_ACK, netfilter() + b"".join(body))):
                pass
    except OSError as error:
        raise OSError(
            error.errno, f"cannot set how long idle connections are remembered: {error.strerror}"
        ) from error


def expire(ips: Collection[str], *, in_s: int) -> None:
    """Those established with one of the addresses end that much later, unless a packet comes.

    Without this a shorter time would hold only from their next packet on.

    Raises:
        OSError: the kernel refused.
    """
    _change_each(_NEW, ips, attribute(_TIMEOUT, in_s))


def forget(ips: Collection[str]) -> list[tuple[str, int]]:
    """Forget those established with one of the addresses. Answers who had opened them.

    Raises:
        OSError: the kernel refused.
    """
    return _change_each(_DELETE, ips)


def entries(ips: Collection[str]) -> list[str]:
    """What is remembered of TCP connections with one of the addresses, a line each.

    Raises:
        OSError: the kernel refused.
    """
    with Netlink(NETLINK_NETFILTER) as kernel:
        return [line for found in _dump(kernel) if (line := _line(found, ips)) is not None]


def _line(found: dict[int, bytes], ips: Collection[str]) -> str | None:
    state = _tcp_state(found)
    if state is None:
        return None
    ways = [_ends(found[_TUPLE]), _ends(found[_REPLY_TUPLE])]
    if not {end[0] for end in ways[0]} & set(ips):
        return None
    told = ", back ".join(f"{a[0]}:{a[1]} to {b[0]}:{b[1]}" for a, b in ways)
    name = _STATES[state] if state < len(_STATES) else f"state {state}"
    return f"{name}, forgotten in {int.from_bytes(found[_TIMEOUT], 'big')} s: {told}"


def _dump(kernel: Netlink) -> list[dict[int, bytes]]:
    """The attributes of everything that is remembered."""
    entries = kernel.ask(Message(_number(_GET), NLM_F_DUMP, netfilter()))
    return [dict(attributes(entry[NETFILTER_B:])) for entry in entries]


def _change_each(kind: int, ips: Collection[str], more: bytes = b"") -> list[tuple[str, int]]:
    changed = []
    with Netlink(NETLINK_NETFILTER) as kernel:
        for found in _dump(kernel):
            if _tcp_state(found) != _ESTABLISHED:
                continue
            opener, opened = _ends(found[_TUPLE])
            if opener[0] not in ips and opened[0] not in ips:
                continue
            body = netfilter() + nested(_TUPLE, [found[_TUPLE]]) + more
            try:
                for _ in kernel.ask(Message(_number(kind), NLM_F_ACK, body)):
                    pass
            except NetlinkError as error:
                if error.errno != errno.ENOENT:  # else it has gone meanwhile
                    raise
            else:
                changed.append(opener)
    return changed


def _number(kind: int, subsystem: int = _CONNTRACK) -> int:
    return subsystem << 8 | kind


def _ends(ends: bytes) -> tuple[tuple[str, int], tuple[str, int]]:
    """Where its packets come from and where they go, by address and port."""
    parts = dict(attributes(ends))
    ips, ports = dict(attributes(parts[_TUPLE_IP])), dict(attributes(parts[_TUPLE_PROTOCOL]))
    return (
        (socket.inet_ntoa(ips[_SOURCE]), int.from_bytes(ports[_SOURCE_PORT], "big")),
        (socket.inet_ntoa(ips[_DESTINATION]), int.from_bytes(ports[_DESTINATION_PORT], "big")),
    )


def _tcp_state(found: dict[int, bytes]) -> int | None:
    """None: it is no TCP connection."""
    protocol = dict(attributes(found.get(_PROTOCOL_STATE, b"")))
    tcp = dict(attributes(protocol.get(_TCP, b"")))
    return tcp[_TCP_STATE][0] if _TCP_STATE in tcp else None
