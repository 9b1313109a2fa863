"""A look into processes: where threads wait, for which descriptors, and their sockets' timers."""

from __future__ import annotations

import os
import select
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from stallproof.sites import tcpsockets
from stallproof.sites.blocked import Blocked, blocked
from stallproof.sites.pystacks import StacksError, stacks
from stallproof.sites.waiting import wait_until

Pair = tuple[socket.socket, socket.socket]


@pytest.fixture
def pair() -> Iterator[Pair]:
    """Two ends of a TCP connection over loopback."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        near = socket.create_connection(server.getsockname())
        far, _ = server.accept()
    with near, far:
        yield near, far


def waiting_in(call: str, act: Callable[[], object], *, until: Callable[[], object]) -> Blocked:
    """Start the act in a thread, answer how it waits once it does, and end it by `until`."""
    thread = threading.Thread(target=act, daemon=True)
    thread.start()
    assert thread.native_id is not None
    seen = None

    def problem() -> str | None:
        nonlocal seen
        seen = blocked(os.getpid(), thread.native_id)  # type: ignore[arg-type]
        return None if seen is not None and seen.call.startswith(call) else f"{seen}"

    wait_until(problem, awaited=f"the thread in {call}", timeout_s=10.0)
    until()
    thread.join(10.0)
    assert not thread.is_alive()
    assert seen is not None
    return seen


def test_a_read_names_its_descriptor(pair: Pair) -> None:
    near, far = pair
    waiting = waiting_in("recvfrom", lambda: near.recv(1), until=lambda: far.send(b"x"))
    assert waiting.fds == (near.fileno(),)


def test_a_read_with_a_deadline_names_it_too(pair: Pair) -> None:
    """Python polls then, and the descriptor stands in the process's memory."""
    near, far = pair
    near.settimeout(30)
    waiting = waiting_in("p", lambda: near.recv(1), until=lambda: far.send(b"x"))
    assert waiting.fds == (near.fileno(),)


def test_an_event_loop_names_all_that_it_waits_for(pair: Pair) -> None:
    near, far = pair
    with select.epoll() as loop:
        loop.register(near, select.EPOLLIN)
        loop.register(far, select.EPOLLIN)
        waiting = waiting_in("epoll", loop.poll, until=lambda: far.send(b"x"))
    assert set(waiting.fds) == {near.fileno(), far.fileno()}


def test_a_lock_names_none() -> None:
    event = threading.Event()
    assert waiting_in("futex", event.wait, until=event.set).fds == ()


def test_a_wait_is_the_same_one_when_it_was_resumed() -> None:
    poll = Blocked("poll", (7,), (4096, 1, 30000))
    assert poll.goes_on_in(Blocked("poll", (7,), (8192, 1, 30000)))
    assert poll.goes_on_in(Blocked("restart_syscall", (), (4096, 1, 30000)))
    assert not poll.goes_on_in(Blocked("restart_syscall", (), (4096, 2, 30000)))
    assert not poll.goes_on_in(Blocked("poll", (8,), (4096, 1, 30000)))
    assert not poll.goes_on_in(None)


def test_what_runs_is_not_blocked() -> None:
    with subprocess.Popen([sys.executable, "-c", "while True: pass"]) as spinning:
        try:
            wait_until(
                lambda: str(seen) if (seen := blocked(spinning.pid, spinning.pid)) else None,
                awaited="a process that runs",
                timeout_s=10.0,
            )
        finally:
            spinning.kill()


def test_a_process_that_has_gone_is_an_error_of_the_system() -> None:
    with pytest.raises(OSError, match="No such file"):
        blocked(2**22 - 1, 2**22 - 1)


def test_a_sockets_queues_and_times(pair: Pair) -> None:
    near, far = pair
    near.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    near.send(b"12345")
    host, port = near.getsockname()
    peer_host, peer_port = far.getsockname()
    found = {one.local: one for one in tcpsockets.listing()}
    sender, reader = found[f"{host}:{port}"], found[f"{peer_host}:{peer_port}"]
    assert (sender.remote, sender.state, reader.state) == (reader.local, *["ESTABLISHED"] * 2)
    assert (reader.recv_q_b, reader.send_q_b, sender.recv_q_b) == (5, 0, 0)
    assert (sender.timer, sender.retransmits, sender.unacked) == ("keepalive", 0, 0)
    assert 7000 < sender.timer_s <= 7200
    assert 0 <= sender.sent_s < reader.sent_s + 60
    assert 0 < sender.rto_s < 60
    assert Path(f"/proc/self/fd/{near.fileno()}").readlink() == Path(f"socket:[{sender.inode}]")


def test_what_listens_is_no_connection() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        host, port = server.getsockname()
        assert f"{host}:{port}" not in {one.local for one in tcpsockets.listing()}


@pytest.mark.real
def test_no_process_no_stacks() -> None:
    with pytest.raises(StacksError, match="py-spy"):
        stacks(2**22 - 1)


@pytest.mark.real
def test_a_service_is_seen_from_the_runner(
    perform: Callable[..., dict[str, Any]],
    namespaces: bool,  # noqa: FBT001
) -> None:
    if not namespaces:
        pytest.skip("elsewhere it hangs on this machine whether a process may be looked into")
    seen = perform("insides")["seen"]
    first, child = seen["processes"]
    assert [first["role"], child["role"]] == ["main process", "child 1"]
    assert [first["first"], child["first"]] == [True, False]
    (main,) = (thread for thread in first["threads"] if thread["name"] == "MainThread")
    functions = [frame["function"].rpartition(".")[2] for frame in main["frames"]]
    assert functions.index("serve_forever") < functions.index("<module>")
    assert [frame["stdlib"] for frame in main["frames"] if "storymimi" in frame["file"]] == [False]
    assert main["blocked"]["call"] in ("poll", "ppoll")
    assert first["problem"] is None
    assert child["threads"] == []
    assert child["problem"].startswith("py-spy: ")  # `sleep` is no Python

    held = {one["inode"] for one in seen["sockets"] if one["remote"] in seen["broker"]}
    own = set(first["fds"].values())
    assert len(held) == 2
    assert {f"socket:[{inode}]" for inode in held} <= own
