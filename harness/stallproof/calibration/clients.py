"""Bare clients of the broker: what a service sees on the wire, without a service's retries.

Four a link. One waits (BLPOP) and is sent an answer after the begin; one was idle and asks; one
connects anew; one is redis-py with a pooled connection that was idle.
"""

from __future__ import annotations

import itertools
import select
import socket
import time
from collections.abc import Callable, Sequence
from math import inf
from typing import Any

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from stallproof.calibration.row import Row
from stallproof.calibration.seen import Seen
from stallproof.calibration.wires import (
    OPEN_DEADLINE_S,
    PAUSE_S,
    not_connected,
    outcome_of,
    timed,
)
from stallproof.sites.base import Link, System
from stallproof.sites.capabilities import Vantage

USER = "calibrator"

_serial = itertools.count()


class Clients:
    """The four clients of one link."""

    def __init__(self, link: Link, system: System, row: Row) -> None:
        vantage = system.use(Vantage)
        self._address = vantage.address_of(link)
        self._open_socket = lambda: vantage.open_socket(link)
        self._row = row
        self._wires: list[socket.socket] = []
        self.key = f"calibration-{next(_serial)}"
        self.ids: list[int] = []
        self.fault_at = time.monotonic()
        self.give_up_at = inf

    def open(self) -> None:
        """Connect those that are open beforehand. Raises OSError: that does not even work."""
        self._waiting, self._idle = self._wire(), self._wire()
        self.ids = [_id_of(self._waiting), _id_of(self._idle)]
        self._waiting.sendall(f"BLPOP {self.key} 0\r\n".encode())
        self._redis = redis.Redis(
            connection_pool=redis.ConnectionPool(
                connection_class=_Placed,
                host=self._address.host,
                port=self._address.port,
                username=USER,
                password=USER,
                socket_timeout=self._row.deadline_s,
                socket_connect_timeout=self._row.deadline_s,
                retry=Retry(NoBackoff(), 0),
                open_socket=self._open_socket,
            )
        )
        self.ping()

    def wait(self) -> Seen:
        """What comes over the waiting connection, from the begin of the fault on."""
        self._waiting.settimeout(0.05)
        outcome = "silence"
        while outcome == "silence" and time.monotonic() < self.give_up_at:
            outcome = _outcome(lambda: _read(self._waiting, until=b"answer\r\n"))
        return Seen(outcome, max(0.0, time.monotonic() - self.fault_at))

    def ask(self) -> Seen:
        self._idle.settimeout(self._row.deadline_s)
        # What is closed at the begin is closed by now: data that crosses the close would make a
        # reset of it, or not, as it happens.
        select.select([self._idle], [], [], PAUSE_S)
        return timed(lambda: _outcome(lambda: _exchange(self._idle, self._row.asks)))

    def connect(self) -> Seen:
        wire = self._open_socket()  # type: ignore[no-untyped-call]
        self._wires.append(wire)
        wire.settimeout(self._row.deadline_s)
        began = time.monotonic()
        if why := not_connected(wire, self._address):
            return Seen(why, time.monotonic() - began)
        # One that is closed as soon as it is open says so before anything is sent, as above.
        if select.select([wire], [], [], PAUSE_S)[0]:
            said = _outcome(lambda: _read(wire, until=b"\r\n"))
            return Seen(said, time.monotonic() - began)
        return timed(lambda: _outcome(lambda: self._first_words(wire)))

    def _first_words(self, wire: socket.socket) -> bytes:
        if self._row.logs_in and (said := _exchange(wire, ("AUTH", USER, USER))) != b"+OK\r\n":
            return said
        return _exchange(wire, self._row.asks)

    def ping(self) -> Seen:
        def outcome() -> str:
            try:
                self._redis.execute_command(*self._row.asks)  # type: ignore[no-untyped-call]
            except redis.RedisError as error:
                return type(error).__name__
            return "answer"

        return timed(outcome)

    def close(self) -> None:
        for wire in self._wires:
            wire.close()
        if hasattr(self, "_redis"):
            self._redis.close()

    def _wire(self) -> socket.socket:
        wire = self._open_socket()  # type: ignore[no-untyped-call]
        self._wires.append(wire)
        wire.settimeout(OPEN_DEADLINE_S)
        wire.connect((self._address.host, self._address.port))
        wire.sendall(f"AUTH {USER} {USER}\r\n".encode())
        if wire.recv(100) != b"+OK\r\n":
            raise ConnectionError("the broker does not let the calibration in")
        return wire


class _Placed(redis.Connection):
    """redis-py's own connection on a socket that is made elsewhere."""

    def __init__(self, *, open_socket: Callable[[], socket.socket], **options: Any) -> None:
        self._open_socket = open_socket
        super().__init__(**options)  # type: ignore[no-untyped-call]

    def _connect(self) -> socket.socket:
        wire = self._open_socket()
        try:
            wire.settimeout(self.socket_connect_timeout)
            wire.connect((self.host, self.port))
            wire.settimeout(self.socket_timeout)
        except BaseException:
            wire.close()
            raise
        return wire


def _exchange(wire: socket.socket, command: Sequence[str]) -> bytes:
    wire.sendall(" ".join(command).encode() + b"\r\n")
    return _read(wire, until=b"\r\n")


def _read(wire: socket.socket, *, until: bytes) -> bytes:
    """The whole answer, or a refusal; nothing if the other side closed before the end of either."""
    data = b""
    while not data.endswith(until) and not (data.startswith(b"-") and data.endswith(b"\r\n")):
        more = wire.recv(100)
        if not more:
            return b""
        data += more
    return data


def _id_of(wire: socket.socket) -> int:
    wire.sendall(b"CLIENT ID\r\n")
    return int(wire.recv(100).removeprefix(b":"))


def _outcome(receive: Callable[[], bytes]) -> str:
    return outcome_of(receive, _meaning)


def _meaning(answer: bytes) -> str:
    # One that has not logged in is told so: an answer like any other.
    refused = answer.startswith(b"-") and not answer.startswith(b"-NOAUTH")
    return _code(answer) if refused else "answer"


def _code(refusal: bytes) -> str:
    """`READONLY`; the whole text where the broker has no code of its own for it."""
    text = refusal.decode().strip().removeprefix("-")
    code = text.partition(" ")[0]
    return text if code == "ERR" else code
