"""The kernel's memory of connections in the network namespace this process is in.

Tracking begins with the first rule that asks for it (`nft.tracked`): let it stand before the
first connection, or the kernel takes the older ones for strangers.

Knows nothing of the harness: the standard library and pyroute2 only.
Source of the settings: Linux, Documentation/networking/nf_conntrack-sysctl.rst.
"""

from __future__ import annotations

import errno
import socket
from collections.abc import Collection
from pathlib import Path
from typing import Any

from pyroute2 import NFCTSocket
from pyroute2.netlink.exceptions import NetlinkError
from pyroute2.netlink.nfnetlink.nfctsocket import NFCTAttrTuple

ESTABLISHED_S = 432_000
"""Five days: how long Linux remembers an idle connection by itself."""
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
_SETTINGS = Path("/proc/sys/net/netfilter")


def configure(*, established_s: int, loose: bool) -> None:
    """How long an idle connection is remembered, and whether a packet in the middle of an unknown
    one makes it known (`loose`). What is out of window is never held against a connection.

    Raises:
        OSError: this kernel, or this namespace, does not let us.
    """
    for name, value in {
        "nf_conntrack_tcp_timeout_established": established_s,
        "nf_conntrack_tcp_loose": int(loose),
        "nf_conntrack_tcp_be_liberal": 1,
    }.items():
        (_SETTINGS / name).write_text(str(value))


def expire(ips: Collection[str], *, in_s: int) -> None:
    """Those established with one of the addresses end that much later, unless a packet comes.

    Without this a shorter time would hold only from their next packet on.

    Raises:
        OSError: the kernel refused.
    """
    _change_each("set", ips, timeout=in_s)


def forget(ips: Collection[str]) -> list[tuple[str, int]]:
    """Forget those established with one of the addresses. Answers who had opened them.

    Raises:
        OSError: the kernel refused.
    """
    return _change_each("del", ips)


def entries(ips: Collection[str]) -> list[str]:
    """What is remembered of TCP connections with one of the addresses, a line each.

    Raises:
        OSError: the kernel refused.
    """
    with NFCTSocket() as conntrack:
        try:
            lines = [_line(entry, ips) for entry in conntrack.dump()]
        except NetlinkError as error:
            raise OSError(error.code, f"conntrack dump: {error}") from error
    return [line for line in lines if line is not None]


def _line(entry: Any, ips: Collection[str]) -> str | None:
    state = _tcp_state(entry)
    if state is None:
        return None
    ways = [
        NFCTAttrTuple.from_netlink(socket.AF_INET, entry.get_attr(name))
        for name in ("CTA_TUPLE_ORIG", "CTA_TUPLE_REPLY")
    ]
    if ways[0].saddr not in ips and ways[0].daddr not in ips:
        return None
    told = ", back ".join(f"{way.saddr}:{way.sport} to {way.daddr}:{way.dport}" for way in ways)
    name = _STATES[state] if state < len(_STATES) else f"state {state}"
    return f"{name}, forgotten in {entry.get_attr('CTA_TIMEOUT')} s: {told}"


def _change_each(command: str, ips: Collection[str], **fields: int) -> list[tuple[str, int]]:
    changed = []
    with NFCTSocket() as conntrack:
        for entry in [entry for entry in conntrack.dump() if _established(entry)]:
            ends = NFCTAttrTuple.from_netlink(socket.AF_INET, entry.get_attr("CTA_TUPLE_ORIG"))
            if ends.saddr not in ips and ends.daddr not in ips:
                continue
            try:
                conntrack.entry(command, tuple_orig=ends, **fields)
            except NetlinkError as error:
                if error.code != errno.ENOENT:  # else it has gone meanwhile
                    raise OSError(error.code, f"conntrack {command}: {error}") from error
            else:
                changed.append((ends.saddr, ends.sport))
    return changed


def _established(entry: Any) -> bool:
    return _tcp_state(entry) == _ESTABLISHED


def _tcp_state(entry: Any) -> int | None:
    info = entry.get_attr("CTA_PROTOINFO")
    tcp = info and info.get_attr("CTA_PROTOINFO_TCP")
    return tcp.get_attr("CTA_PROTOINFO_TCP_STATE") if tcp else None
