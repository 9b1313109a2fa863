"""A bare client that shows what the wire does: the proof that a fault bites.

It has no password and needs none: to `PING` a broker that wants one answers `-NOAUTH ...`, and
that is an answer that crossed the wire like any other.
"""

from __future__ import annotations

import socket
import struct
import time
from collections.abc import Callable, Mapping
from statistics import median
from typing import Literal

import anyio
import anyio.to_thread
import msgspec

from stallproof.faults.base import Observation
from stallproof.sites.base import Address, Link

PING = b"PING\r\n"
HELLO = b"HELLO 9\r\n"
HELLO_ANSWER = b"-NOPROTO unsupported protocol version\r\n"
"""No broker speaks RESP 9, and each says so in the same words, password or not: an answer of
known size."""
HELLOS_AT_ONCE = 24
"""Valkey 9.1 closes a client without a password when more than 1024 bytes wait to be sent to
it (measured: 30 answers of 34 bytes come, 50 do not), so larger answers take several rounds."""

DATA_SEGMENTS_IN = struct.Struct("=152xI")
"""in `tcp_info` (linux/tcp.h): tcpi_data_segs_in, the segments with data that arrived"""


def padded_ping(size_b: int) -> bytes:
    """A request of about `size_b` bytes whose answer is one short line, password or not.

    PING with two arguments is an error to a client that may speak and NOAUTH to one that may
    not. Without a password Valkey takes at most 16384 bytes for one argument.
    """
    return b"*3\r\n$4\r\nPING\r\n$1\r\n-\r\n$%d\r\n%s\r\n" % (size_b, b"x" * size_b)


Outcome = Literal["answer", "eof", "reset", "refused", "timeout", "error"]
After = Literal["close", "wait", "half-close"]


class WireOutcome(msgspec.Struct, frozen=True, kw_only=True):
    """What one connection saw, from its first SYN to the outcome."""

    outcome: Outcome
    """`answer`: every reply asked for came. `eof`: the peer closed first (or as awaited).
    `reset`: ECONNRESET, or EPIPE when a reset had come before. `error`: any other errno."""
    connected: bool
    elapsed_s: float
    """Until the outcome."""
    received_b: int
    replies: int
    rounds_s: tuple[float, ...]
    """How long each complete round took, from sending to its last reply."""
    quiet_s: float
    """From the last byte received (or the connect) to the outcome."""
    segments: int
    """TCP segments with data that arrived; what a slicer cut stays cut here."""

    @property
    def silent(self) -> bool:
        """It connected, and not a byte came."""
        return self.outcome == "timeout" and self.connected and self.received_b == 0

    def __str__(self) -> str:
        if self.outcome == "answer":
            took = f"answered in {median(self.rounds_s):.4f} s"
            if len(self.rounds_s) == 1:
                return took
            return f"{took} (median of {len(self.rounds_s)}, {sum(self.rounds_s):.2f} s in all)"
        got = f" after {self.received_b} B" if self.received_b else ""
        how = {
            "eof": "EOF",
            "reset": "ECONNRESET",
            "refused": "ECONNREFUSED",
            "timeout": "connects, then nothing" if self.silent else "nothing more",
            "error": "an error",
        }[self.outcome]
        if self.outcome == "timeout" and not self.connected:
            how = "does not connect"
        return f"{how}{got}, {self.elapsed_s:.3f} s"


Open = Callable[[], socket.socket]
"""Makes the unconnected socket, where it is to stand elsewhere than here."""


async def dial(
    address: Address,
    *,
    open_socket: Open = socket.socket,
    payload: bytes = PING,
    replies: int = 1,
    rounds: int = 1,
    after: After = "close",
    deadline_s: float = 1.5,
) -> WireOutcome:
    """Connect, send `payload`, read `replies` lines, `rounds` times over.

    `after` that: close, or wait for the peer to close, or half-close first and then wait.
    Never raises for what the network does, and never takes longer than `deadline_s`: what had
    not come by then is the outcome `timeout`.
    """
    probe = _Probe(address, deadline_s, open_socket)
    # A thread and a blocking socket: event loops report a reset as their own kinds of error.
    return await anyio.to_thread.run_sync(probe.run, payload, replies, rounds, after)


async def dial_each(
    addresses: Mapping[Link, Address],
    *,
    payload: bytes = PING,
    replies: int = 1,
    rounds: int = 1,
    after: After = "close",
    deadline_s: float = 1.5,
    open_socket: Callable[[Link], socket.socket] | None = None,
) -> dict[Link, WireOutcome]:
    """`dial` to all of them at once."""
    outcomes: dict[Link, WireOutcome] = {}

    async def one(link: Link, address: Address) -> None:
        outcomes[link] = await dial(
            address,
            open_socket=(lambda: open_socket(link)) if open_socket else socket.socket,
            payload=payload,
            replies=replies,
            rounds=rounds,
            after=after,
            deadline_s=deadline_s,
        )

    async with anyio.create_task_group() as group:
        for link, address in addresses.items():
            group.start_soon(one, link, address)
    return outcomes


def observation(
    outcomes: Mapping[Link, WireOutcome], bites: Callable[[WireOutcome], bool]
) -> Observation:
    """It bit if it bit on every link; `seen` quotes the first link, or the first that differs."""
    spared = [link for link, outcome in outcomes.items() if not bites(outcome)]
    link = spared[0] if spared else next(iter(outcomes))
    outcome = outcomes[link]
    return Observation(
        bit=not spared,
        seen=f"{link}: {outcome} ({len(outcomes) - len(spared)} of {len(outcomes)} links show it)",
        numbers={
            "links": len(outcomes),
            "links_bitten": len(outcomes) - len(spared),
            "elapsed_s": round(outcome.elapsed_s, 6),
            "received_b": outcome.received_b,
            "segments": outcome.segments,
        },
    )


class _Probe:
    """One connection and what it has seen so far."""

    def __init__(self, address: Address, deadline_s: float, open_socket: Open) -> None:
        self._address = address
        self._open_socket = open_socket
        self._started = time.monotonic()
        self._deadline = self._started + deadline_s
        self._socket: socket.socket | None = None
        self._last_byte = self._started
        self._received_b = 0
        self._replies = 0
        self._rounds_s: list[float] = []

    def run(self, payload: bytes, replies: int, rounds: int, after: After) -> WireOutcome:
        try:
            return self._outcome(self._exchange(payload, replies, rounds, after))
        except ConnectionRefusedError:
            return self._outcome("refused")
        except (ConnectionResetError, BrokenPipeError):
            return self._outcome("reset")
        except TimeoutError:
            return self._outcome("timeout")
        except OSError:
            return self._outcome("error")
        finally:
            if self._socket is not None:
                self._socket.close()

    def _exchange(self, payload: bytes, replies: int, rounds: int, after: After) -> Outcome:
        address = (self._address.host, self._address.port)
        made = self._open_socket()
        try:
            made.settimeout(self._left_s())
            made.connect(address)
        except BaseException:
            made.close()
            raise
        self._socket = made
        self._last_byte = time.monotonic()
        for _ in range(rounds):
            began, wanted = time.monotonic(), self._replies + replies
            self._socket.settimeout(self._left_s())
            self._socket.sendall(payload)
            while self._replies < wanted:
                if not self._read():
                    return "eof"
            self._rounds_s.append(time.monotonic() - began)
        if after == "close":
            return "answer"
        if after == "half-close":
            self._socket.shutdown(socket.SHUT_WR)
        while self._read():
            pass
        return "eof"

    def _read(self) -> bool:
        assert self._socket is not None
        self._socket.settimeout(self._left_s())
        data = self._socket.recv(1 << 16)
        if data:
            self._last_byte = time.monotonic()
        self._received_b += len(data)
        self._replies += data.count(b"\n")
        return bool(data)

    def _left_s(self) -> float:
        left_s = self._deadline - time.monotonic()
        if left_s <= 0:
            raise TimeoutError
        return left_s

    def _outcome(self, outcome: Outcome) -> WireOutcome:
        now = time.monotonic()
        return WireOutcome(
            outcome=outcome,
            connected=self._socket is not None,
            elapsed_s=now - self._started,
            received_b=self._received_b,
            replies=self._replies,
            rounds_s=tuple(self._rounds_s),
            quiet_s=now - self._last_byte,
            segments=self._segments(),
        )

    def _segments(self) -> int:
        if self._socket is None:
            return 0
        info = self._socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 256)
        (segments,) = DATA_SEGMENTS_IN.unpack_from(info)
        return int(segments)
