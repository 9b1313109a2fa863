"""Runs as processes: asked of a fork server (`forkserver.py`), killed and waited for through it."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import threading
from typing import IO, Self

import msgspec

from stallproof.forkserver import BEGUN, Ask

_STATUS_BYTES = 16


class Forked:
    """A run's process, from outside. Leaving it as a context kills it, if it has not ended."""

    def __init__(self, output: IO[bytes], line: socket.socket) -> None:
        self.output = output
        """Its standard output; to be read to its end before waiting."""
        self._line = line
        self._said: bytes | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()
        self.wait()
        self.output.close()
        self._line.close()

    def kill(self) -> None:
        """SIGKILL: all that it started goes with it."""
        with contextlib.suppress(OSError):  # it has ended
            self._line.shutdown(socket.SHUT_WR)

    def wait(self) -> int | None:
        """Its exit status as a shell gives it; None: it went with the fork server."""
        if self._said is None:
            self._said = self._line.recv(_STATUS_BYTES)
        return int(self._said) if self._said else None


class ServerClosedError(Exception):
    """There are no more runs: those under way have been ended."""


class ForkServer:
    """Starts runs, from any thread. Its process begins with the first of them.

    Leaving it as a context ends all that are under way.
    """

    def __init__(self, *modules: str) -> None:
        """What is imported once; the first has the `main(argument)` that is a run."""
        self._modules = modules
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None
        self.closed = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self.closed = True
            self._let_go()

    def start(self, argument: str, *, namespaces: bool, errors: int) -> Forked:
        """Run `main(argument)` enclosed; `errors` is the descriptor of its standard error.

        Raises:
            ServerClosedError: this has been left.
        """
        ask = Ask(mode="namespaces" if namespaces else "processes", argument=argument)
        message = msgspec.json.encode(ask)
        with self._lock:
            if self.closed:
                raise ServerClosedError
            # One that was killed is replaced: what it took along is lost, the other runs need not
            # be. One that ends twice will end again: then it is the run's line that says so.
            begun, run = self._ask(message, errors)
            if not begun:
                run.output.close()
                self._let_go()
                _, run = self._ask(message, errors)
            return run

    def _ask(self, message: bytes, errors: int) -> tuple[bool, Forked]:
        """Whether the server has begun the run, or has ended instead."""
        if self._process is None:
            self._begin()
        assert self._control is not None
        line, other_end = socket.socketpair()
        output, write_fd = os.pipe()
        with other_end, os.fdopen(write_fd, "wb"):
            fds = [write_fd, errors, other_end.fileno()]
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                socket.send_fds(self._control, [message], fds)
        return line.recv(len(BEGUN)) == BEGUN, Forked(os.fdopen(output, "rb"), line)

    def _begin(self) -> None:
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "stallproof.forkserver", *self._modules],
                stdin=theirs.fileno(),
                stdout=subprocess.DEVNULL,
                start_new_session=True,  # Ctrl-C is for the one who asks
            )

    def _let_go(self) -> None:
        if self._process is not None and self._control is not None:
            self._control.close()
            self._process.wait()
            self._process = None
