"""The ways in which Python itself waits, each for `asked_s` seconds within the stopwatch."""

from __future__ import annotations

import asyncio
import contextlib
import multiprocessing
import queue
import select
import signal
import socket
import sqlite3
import struct
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator

import anyio

from stallproof.clock.stopwatch import Stopwatch, wait


@wait("time.sleep")
def _sleep(asked_s: int, watch: Stopwatch) -> None:
    with watch:
        time.sleep(asked_s)


@wait("threading: Event.wait")
def _event(asked_s: int, watch: Stopwatch) -> None:
    with watch:
        threading.Event().wait(asked_s)


@wait("threading: Condition.wait")
def _condition(asked_s: int, watch: Stopwatch) -> None:
    condition = threading.Condition()
    with condition, watch:
        condition.wait(asked_s)


@wait("threading: Lock.acquire")
def _lock(asked_s: int, watch: Stopwatch) -> None:
    lock = threading.Lock()
    with lock, watch:
        lock.acquire(timeout=asked_s)


@wait("threading: Timer")
def _timer(asked_s: int, watch: Stopwatch) -> None:
    rung = threading.Event()
    with watch:
        threading.Timer(asked_s, rung.set).start()
        rung.wait()


@wait("queue: Queue.get")
def _queue(asked_s: int, watch: Stopwatch) -> None:
    with watch, contextlib.suppress(queue.Empty):
        queue.Queue[None]().get(timeout=asked_s)


@wait("multiprocessing: Lock.acquire")
def _semaphore(asked_s: int, watch: Stopwatch) -> None:
    lock = multiprocessing.Lock()
    with lock, watch:
        lock.acquire(timeout=asked_s)


@wait("select.select")
def _select(asked_s: int, watch: Stopwatch) -> None:
    with watch:
        select.select([], [], [], asked_s)


@wait("select.poll")
def _poll(asked_s: int, watch: Stopwatch) -> None:
    with watch:
        select.poll().poll(asked_s * 1000)


@wait("select.epoll")
def _epoll(asked_s: int, watch: Stopwatch) -> None:
    with select.epoll() as epoll, watch:
        epoll.poll(asked_s)


@wait("asyncio.sleep")
def _asyncio_sleep(asked_s: int, watch: Stopwatch) -> None:
    async def main() -> None:
        with watch:
            await asyncio.sleep(asked_s)

    asyncio.run(main())


@wait("asyncio.wait_for")
def _wait_for(asked_s: int, watch: Stopwatch) -> None:
    async def main() -> None:
        with watch, contextlib.suppress(TimeoutError):
            await asyncio.wait_for(asyncio.Event().wait(), asked_s)

    asyncio.run(main())


@wait("anyio.sleep")
def _anyio_sleep(asked_s: int, watch: Stopwatch) -> None:
    async def main() -> None:
        with watch:
            await anyio.sleep(asked_s)

    anyio.run(main)


@wait("anyio.move_on_after")
def _move_on(asked_s: int, watch: Stopwatch) -> None:
    async def main() -> None:
        with watch, anyio.move_on_after(asked_s):
            await anyio.sleep_forever()

    anyio.run(main)


@contextlib.contextmanager
def _sleeper() -> Iterator[subprocess.Popen[bytes]]:
    """A child that would go on for ever."""
    with subprocess.Popen(["sleep", "inf"], stdout=subprocess.PIPE) as child:
        try:
            yield child
        finally:
            child.kill()


@wait("subprocess: wait")
def _wait(asked_s: int, watch: Stopwatch) -> None:
    with _sleeper() as child, watch, contextlib.suppress(subprocess.TimeoutExpired):
        child.wait(asked_s)


@wait("subprocess: communicate")
def _communicate(asked_s: int, watch: Stopwatch) -> None:
    with _sleeper() as child, watch, contextlib.suppress(subprocess.TimeoutExpired):
        child.communicate(timeout=asked_s)


@wait("subprocess: another program's sleep")
def _other_program(asked_s: int, watch: Stopwatch) -> None:
    with watch:
        subprocess.run(["sleep", str(asked_s)], check=True)


@wait("socket: settimeout")
def _socket(asked_s: int, watch: Stopwatch) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.settimeout(asked_s)
        with watch, contextlib.suppress(TimeoutError):
            ours.recv(1)


@wait("socket: SO_RCVTIMEO")
def _socket_option(asked_s: int, watch: Stopwatch) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("ll", asked_s, 0))
        with watch, contextlib.suppress(BlockingIOError):
            ours.recv(1)


@wait("signal: setitimer")
def _itimer(asked_s: int, watch: Stopwatch) -> None:
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGALRM])
    with watch:
        signal.setitimer(signal.ITIMER_REAL, asked_s)
        signal.sigwait([signal.SIGALRM])


@wait("signal: alarm")
def _alarm(asked_s: int, watch: Stopwatch) -> None:
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGALRM])
    with watch:
        signal.alarm(asked_s)
        signal.sigwait([signal.SIGALRM])


@wait("signal: sigtimedwait")
def _sigtimedwait(asked_s: int, watch: Stopwatch) -> None:
    with watch:
        signal.sigtimedwait([signal.SIGUSR2], asked_s)


@wait("sqlite3: busy timeout")
def _sqlite(asked_s: int, watch: Stopwatch) -> None:
    with tempfile.NamedTemporaryFile() as file:
        holder = sqlite3.connect(file.name, isolation_level=None)
        waiter = sqlite3.connect(file.name, isolation_level=None, timeout=asked_s)
        with contextlib.closing(holder), contextlib.closing(waiter):
            holder.execute("BEGIN IMMEDIATE")
            with watch, contextlib.suppress(sqlite3.OperationalError):
                waiter.execute("BEGIN IMMEDIATE")
