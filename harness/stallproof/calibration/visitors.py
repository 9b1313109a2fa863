"""Bare clients of an instance's own port: one connected and quiet, one in mid-request, one new."""

from __future__ import annotations

import json
import select
import socket
import time

from stallproof.calibration.place import EXIT_S, STORY
from stallproof.calibration.row import InstanceRow
from stallproof.calibration.seen import Seen
from stallproof.calibration.wires import (
    OPEN_DEADLINE_S,
    PAUSE_S,
    named,
    not_connected,
    outcome_of,
    timed,
)
from stallproof.sites.base import Address
from stallproof.sites.capabilities import GRACE_S

HEARS_S = GRACE_S + EXIT_S
"""An instance that is told to go has closed its connections by then."""
_ASK = b"GET /health HTTP/1.1\r\nHost: calibration\r\n\r\n"
_BODY = json.dumps(STORY).encode()
_STORY = (
    b"POST /stories/ HTTP/1.1\r\nHost: calibration\r\nContent-Type: application/json\r\n"
    b"Content-Length: %d\r\n\r\n%s" % (len(_BODY), _BODY)
)


class Visitors:
    """The three of them. What they see is an HTTP status, an errno's name, `EOF` or `silence`."""

    def __init__(self, at: Address, row: InstanceRow) -> None:
        self._at = at
        self._row = row
        self._wires: list[socket.socket] = []
        self.fault_at = time.monotonic()

    def open(self) -> None:
        """Connect those that are connected beforehand. Raises OSError: that does not even work."""
        self._held = self._wire()
        if "request" in self._row.probes:
            self._asking = self._wire()
            self._asking.sendall(_STORY[:-1])

    def held(self) -> Seen:
        """It asks, unless it hears something before: then that, and how long after the begin."""
        hears_s = HEARS_S if self._row.hears else PAUSE_S
        return self._spoken(self._held, _ASK, hears_s=hears_s)

    def request(self) -> Seen:
        """It sends the last byte of its request."""
        return self._spoken(self._asking, _STORY[-1:], hears_s=PAUSE_S)

    def held_then(self, *, within_s: float) -> Seen:
        """What comes later to the one that has asked."""
        return self._read(self._held, within_s)

    def request_then(self, *, within_s: float) -> Seen:
        """The same of the one in mid-request."""
        return self._read(self._asking, within_s)

    def newcomer(self) -> Seen:
        """It connects and asks."""
        began = time.monotonic()
        wire = socket.socket()
        self._wires.append(wire)
        wire.settimeout(self._row.deadline_s)
        if why := not_connected(wire, self._at):
            return Seen(why, time.monotonic() - began)
        return self._spoken(wire, _ASK, hears_s=0.0)

    def close(self) -> None:
        for wire in self._wires:
            wire.close()

    def _wire(self) -> socket.socket:
        self._wires.append(
            socket.create_connection((self._at.host, self._at.port), timeout=OPEN_DEADLINE_S)
        )
        return self._wires[-1]

    def _spoken(self, wire: socket.socket, text: bytes, *, hears_s: float) -> Seen:
        if select.select([wire], [], [], hears_s)[0]:
            return Seen(_heard(wire), max(0.0, time.monotonic() - self.fault_at))
        began = time.monotonic()
        try:
            wire.sendall(text)
        except OSError as error:
            return Seen(named(error), time.monotonic() - began)
        return self._read(wire, self._row.deadline_s)

    def _read(self, wire: socket.socket, within_s: float) -> Seen:
        wire.settimeout(within_s)
        return timed(lambda: _heard(wire))


def _heard(wire: socket.socket) -> str:
    return outcome_of(lambda: wire.recv(100), _status)


def _status(answer: bytes) -> str:
    """`200` of `HTTP/1.1 200 OK`: the first line comes in one piece."""
    return answer.split(b" ", 2)[1].decode()
