"""A program: imports what a run needs once, and forks a process for each run.

    python -m stallproof.forkserver MODULE...

    outer -> fork server (this) -> launcher -> init -> MODULE.main(argument) -> what that starts

Importing takes more processor time than all else that the harness does in a short run (0.6 s of
0.9 s), and it is the processors that bound how many runs go side by side.

Standard input is a SEQPACKET socket. Each message asks for one run (`Ask`) and brings along three
descriptors: its standard output, its standard error, and a line. Over the line comes a byte when it
has begun, and then its exit status; hung up from the other side, it means that the run is to be
killed. When the socket itself is hung up, the one who asks is gone: then this ends, and with it
every run (`enclosed.py`).
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import os
import selectors
import signal
import socket
import sys
import traceback
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import msgspec

from stallproof.sites import kernel_calls as kernel
from stallproof.sites.enclosed import enclose
from stallproof.sites.forking import fork, release_signals, shell_status

MESSAGE_BYTES = 1 << 16
FORKED = "stallproof-run"
"""What `ps -o comm` calls the process that is a run."""
INTERRUPTED = 128 + signal.SIGINT
BEGUN = b"+"
"""What comes over a run's line first."""


class Ask(msgspec.Struct):
    """Asks for a run."""

    mode: str
    """`namespaces` or `processes`."""
    argument: str


class Child(NamedTuple):
    """The launcher of a run."""

    pid: int
    fd: int
    """A pidfd: readable once it has ended."""
    line: socket.socket


def main(modules: list[str]) -> None:
    first, *_ = (importlib.import_module(name) for name in modules)
    gc.collect()
    gc.freeze()  # what is there now is garbage of no run, and stays shared with all of them
    Server(socket.socket(fileno=0), first.main).serve()


class Server:
    """Forks, reaps and kills. One thread only: others would not be there after a fork."""

    def __init__(self, asked: socket.socket, run: Callable[[str], int]) -> None:
        self._asked = asked
        self._run = run
        self._selector = selectors.DefaultSelector()
        self._selector.register(asked, selectors.EVENT_READ)
        self._children: list[Child] = []

    def serve(self) -> None:
        """Until the one who asks hangs up."""
        while True:
            for key, _ in self._selector.select():
                if key.fileobj is not self._asked:
                    key.data()
                elif not self._begin():
                    return

    def _begin(self) -> bool:
        message, fds, _, _ = socket.recv_fds(self._asked, MESSAGE_BYTES, 3)
        if not message:
            return False
        ask = msgspec.json.decode(message, type=Ask)
        output, errors, line = fds
        me = os.getpid()
        pid = fork(lambda: self._launch(ask, parent=me, output=output, errors=errors, line=line))
        os.close(output)
        os.close(errors)
        child = Child(pid, os.pidfd_open(pid), socket.socket(fileno=line))
        with contextlib.suppress(BrokenPipeError):  # as in _ended
            child.line.send(BEGUN)
        self._children.append(child)
        self._selector.register(child.fd, selectors.EVENT_READ, partial(self._ended, child))
        self._selector.register(child.line, selectors.EVENT_READ, partial(self._hung_up, child))
        return True

    def _ended(self, child: Child) -> None:
        _, status = os.waitpid(child.pid, 0)
        with contextlib.suppress(BrokenPipeError):  # nobody wants to know
            child.line.send(str(shell_status(status)).encode())
        self._selector.unregister(child.fd)
        with contextlib.suppress(KeyError):  # hung up before
            self._selector.unregister(child.line)
        self._forget(child)

    def _hung_up(self, child: Child) -> None:
        if child in self._children:  # it may have ended in the same round
            self._selector.unregister(child.line)
            signal.pidfd_send_signal(child.fd, signal.SIGKILL)

    def _forget(self, child: Child) -> None:
        self._children.remove(child)
        child.line.close()
        os.close(child.fd)

    def _launch(self, ask: Ask, *, parent: int, output: int, errors: int, line: int) -> int:
        """The child's side: be the launcher of the run."""
        os.dup2(output, 1)
        os.dup2(errors, 2)
        for fd in (output, errors, line):
            os.close(fd)
        for other in list(self._children):
            self._forget(other)
        self._selector.close()
        self._asked.close()
        os.open(os.devnull, os.O_RDONLY)  # becomes 0, the lowest that is free
        return enclose(ask.mode, partial(self._enclosed, ask.argument), parent=parent)

    def _enclosed(self, argument: str, extra_env: dict[str, str]) -> int:
        """The run itself, as if it were a program of its own."""
        release_signals()
        signal.signal(signal.SIGINT, signal.default_int_handler)
        kernel.name_this_process(FORKED)
        os.environ.update(extra_env)
        try:
            return self._run(argument)
        except KeyboardInterrupt:
            return INTERRUPTED
        except BaseException:  # noqa: BLE001 (nothing above it would say what it was)
            traceback.print_exc()
            return 1
        finally:
            sys.stdout.flush()
            sys.stderr.flush()


if __name__ == "__main__":
    main(sys.argv[1:])
