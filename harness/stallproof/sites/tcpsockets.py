"""TCP sockets with their queues and timers: what `ss -tnoie` shows, without `ss`.

Of the network namespace that the calling thread is in. Layouts and numbers: linux/inet_diag.h
(`inet_diag_msg`), linux/tcp.h (`tcp_info`), include/net/tcp_states.h.
"""

from __future__ import annotations

import struct

import msgspec

from stallproof.sites import sockdiag

STATES = {
    1: "ESTABLISHED",
    2: "SYN-SENT",
    3: "SYN-RECV",
    4: "FIN-WAIT-1",
    5: "FIN-WAIT-2",
    7: "CLOSED",
    8: "CLOSE-WAIT",
    9: "LAST-ACK",
    11: "CLOSING",
    12: "NEW-SYN-RECV",
}
TIMERS = {1: "retransmission", 2: "keepalive", 4: "zero-window probe"}
_HEAD = struct.Struct("=BBBB")
"""family, state, timer, retrans"""
_TAIL = struct.Struct("=IIIII")
"""milliseconds until the timer expires, receive queue, send queue, uid, inode"""
_INFO = struct.Struct("=2xBB4xI12xI16xI4xII")
"""retransmits, probes; rto (microseconds); unacked; milliseconds since data was last sent, since
data and since an acknowledgement last came"""


class TcpSocket(msgspec.Struct, frozen=True, kw_only=True):
    """One socket at one moment. Times are real seconds."""

    local: str
    """`ip:port`"""
    remote: str
    state: str
    """As in RFC 9293: `ESTABLISHED`."""
    inode: int
    """What `/proc/PID/fd` calls it; 0 once no process has it open."""
    recv_q_b: int
    send_q_b: int
    """Bytes written and not acknowledged."""
    unacked: int
    """Segments sent and not acknowledged."""
    timer: str | None
    """Which of the kernel's timers is running."""
    timer_s: float
    """Until it expires."""
    retransmits: int
    """In a row, of what is now unacknowledged."""
    probes: int
    """Keepalive or zero-window probes that were not answered."""
    rto_s: float
    """How long the kernel now waits before it sends again."""
    sent_s: float
    """Since data was last sent for the first time; a retransmission does not count."""
    received_s: float
    """Since data last came."""
    acked_s: float
    """Since an acknowledgement last came."""


def listing() -> list[TcpSocket]:
    """Every TCP socket of this network namespace but those that listen and those in TIME-WAIT.

    Raises:
        SockDiagError: the kernel refused, or did not answer in time.
    """
    return [_parsed(message) for message in sockdiag.every()]


def _parsed(message: bytes) -> TcpSocket:
    family, state, timer, _ = _HEAD.unpack_from(message)
    port, peer_port, source, destination, *_ = sockdiag.SOCKID.unpack_from(message, _HEAD.size)
    expires_ms, received_b, sent_b, _uid, inode = _TAIL.unpack_from(
        message, _HEAD.size + sockdiag.SOCKID.size
    )
    info = sockdiag.tcp_info(message) or bytes(_INFO.size)
    retransmits, probes, rto_us, unacked, sent_ms, got_ms, acked_ms = _INFO.unpack_from(info)
    return TcpSocket(
        local=_end(family, source, port),
        remote=_end(family, destination, peer_port),
        state=STATES.get(state, f"state {state}"),
        inode=inode,
        recv_q_b=received_b,
        send_q_b=sent_b,
        unacked=unacked,
        timer=TIMERS.get(timer),
        timer_s=expires_ms / 1000,
        retransmits=retransmits,
        probes=probes,
        rto_s=rto_us / 1e6,
        sent_s=sent_ms / 1000,
        received_s=got_ms / 1000,
        acked_s=acked_ms / 1000,
    )


def _end(family: int, address: bytes, port: bytes) -> str:
    return f"{sockdiag.unmapped(family, address)}:{int.from_bytes(port, 'big')}"
