"""What is kept of a seizure in the history: values, small, and free of secrets."""

from __future__ import annotations

from typing import Literal

import msgspec

Why = Literal["stalled", "post-hangs", "unfinished"]
"""`stalled`, `post-hangs`: what a checker calls a violation was going on. `unfinished`: the watch
ended, and not everything was done."""


class Connection(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A service's TCP connection to the broker, as the service's kernel had it. Real seconds."""

    local: str
    """`ip:port`"""
    remote: str
    link: str
    """`worker-broker`"""
    state: str
    """`ESTABLISHED`"""
    unacked: int = 0
    """Segments sent and not acknowledged."""
    send_q_b: int = 0
    recv_q_b: int = 0
    timer: str | None = None
    """The kernel's timer that was running: `retransmission`, `keepalive`."""
    timer_s: float = 0.0
    """Until it expires."""
    retransmits: int = 0
    """In a row, without an answer."""
    probes: int = 0
    """Likewise of keepalive probes."""
    rto_s: float = 0.0
    sent_s: float = 0.0
    """Since data was last sent."""
    received_s: float = 0.0
    """Since data last came."""
    at_broker: str | None = None
    """What the broker knew of it: `last command publish, 21 s ago, 0 subscriptions`; None: it was
    not asked, or a proxy stands between."""

    @property
    def dead(self) -> bool:
        """Its kernel sends again, or probes, and nobody answers."""
        return self.retransmits > 0 or self.probes > 0


class Wait(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Where a thread stood, and what it waited for."""

    service: str
    process: str
    """`main process`, `child 1`"""
    pid: int
    """In the run's own PID namespace, where it has one: that of the ledger."""
    thread: str
    at: str
    """The innermost frame: `redis/_parsers/socket.py:64 SocketBuffer._read_from_socket`."""
    under: tuple[str, ...] = ()
    """Outwards from there, where each library was entered and what in it was called."""
    call: str | None = None
    """The system call: `recvfrom`. None: it ran, or could not be told."""
    descriptors: int = 0
    """For how many descriptors it waited, of which any would have done."""
    on: tuple[Connection, ...] = ()
    """Those of them that are connections to the broker."""
