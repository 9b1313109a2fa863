"""The probe calls each thing by its name: bare servers that do one thing to a client."""

from __future__ import annotations

import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from stallproof.faults.wire import Outcome, dial
from stallproof.sites.base import Address

pytestmark = pytest.mark.anyio


@contextmanager
def served(act: Callable[[socket.socket], None]) -> Iterator[Address]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(5)

        def serve() -> None:
            with listener.accept()[0] as client:
                client.settimeout(5)
                act(client)

        thread = threading.Thread(target=serve)
        thread.start()
        yield Address(*listener.getsockname())
        thread.join(5)
        assert not thread.is_alive()


def answers(client: socket.socket) -> None:
    client.recv(100)
    client.sendall(b"+PONG\r\n")
    client.recv(100)


def closes(client: socket.socket) -> None:
    client.recv(100)


def closes_midway(client: socket.socket) -> None:
    client.recv(100)
    client.sendall(b"+PO")


def resets(client: socket.socket) -> None:
    client.recv(100)
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def is_silent(client: socket.socket) -> None:
    while client.recv(100):
        pass


@pytest.mark.parametrize(
    ("act", "outcome", "received_b"),
    [
        (answers, "answer", 7),
        (closes, "eof", 0),
        (closes_midway, "eof", 3),
        (resets, "reset", 0),
        (is_silent, "timeout", 0),
    ],
)
async def test_outcome(
    act: Callable[[socket.socket], None], outcome: Outcome, received_b: int
) -> None:
    # What comes is given time: on a busy machine half a second may go by before it does.
    deadline_s = 0.5 if act is is_silent else 10.0
    with served(act) as address:
        seen = await dial(address, deadline_s=deadline_s)
    assert (seen.outcome, seen.received_b, seen.connected) == (outcome, received_b, True)
    assert seen.silent == (act is is_silent)


async def test_refused() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = Address(*listener.getsockname())
    seen = await dial(address)
    assert (seen.outcome, seen.connected, seen.silent) == ("refused", False, False)


async def test_a_listener_whose_queue_is_full_does_not_connect() -> None:
    with socket.socket() as listener, socket.socket() as first:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        first.connect(listener.getsockname())
        seen = await dial(Address(*listener.getsockname()), deadline_s=0.3)
    assert (seen.outcome, seen.connected, seen.silent) == ("timeout", False, False)


async def test_segments_are_counted_as_the_server_cut_them() -> None:
    def in_slices(client: socket.socket) -> None:
        client.recv(100)
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for slice_ in (b"+P", b"O", b"NG\r\n"):
            client.sendall(slice_)
        client.recv(100)

    with served(in_slices) as address:
        seen = await dial(address)
    assert (seen.outcome, seen.segments) == ("answer", 3)


async def test_the_deadline_holds_against_a_trickle() -> None:
    def trickle(client: socket.socket) -> None:
        try:
            for _ in range(1000):  # for twenty seconds, if it is let
                client.sendall(b"x")
                time.sleep(0.02)
        except OSError:
            pass

    with served(trickle) as address:
        seen = await dial(address, deadline_s=0.3)
    assert seen.outcome == "timeout"
    assert 0.3 <= seen.elapsed_s < 10
    assert not seen.silent
