"""One process of the system with everything it starts: killed together, as a container is."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import BinaryIO

from stallproof.sites.hosts import Host
from stallproof.sites.logs import ServiceLog
from stallproof.sites.proctable import session_members

KILL_TIMEOUT_S = 10.0
_LAST_WORDS_S = 2.0


class Process:
    """A child in a session of its own, on a host, its output going to a log.

    When it exits, however, the rest of its session is killed before its exit counts: a
    container ends with its first process, and so do Celery's prefork children here.

    Raises:
        OSError: it cannot be started.
    """

    def __init__(
        self,
        argv: Sequence[str],
        *,
        env: Mapping[str, str],
        cwd: Path,
        host: Host,
        log: ServiceLog,
        on_exit: Callable[[int], None] = lambda _code: None,
    ) -> None:
        # Forked in the host's thread: that is what puts it on that host's network.
        self._popen = host.run(
            subprocess.Popen,
            argv,
            env=dict(env),
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        self.pid: int = self._popen.pid
        self._on_exit = on_exit
        self._unreaped = threading.Lock()
        self._gone = threading.Event()
        assert self._popen.stdout is not None
        self._reader = threading.Thread(target=self._read, args=(self._popen.stdout, log))
        for thread in (self._reader, threading.Thread(target=self._reap)):
            thread.daemon = True
            thread.start()

    def _read(self, pipe: BinaryIO, log: ServiceLog) -> None:
        with pipe:
            log.drain(pipe)

    def _reap(self) -> None:
        # WNOWAIT keeps the pid, and with it the session's number, from being given anew
        # until the session is empty.
        os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOWAIT)
        self._kill_session()
        self._reader.join(_LAST_WORDS_S)
        with self._unreaped:
            code = self._popen.wait()
        self._on_exit(code)
        self._gone.set()

    def _kill_session(self) -> None:
        deadline = time.monotonic() + KILL_TIMEOUT_S
        while (members := session_members(self.pid)) and time.monotonic() < deadline:
            for pid in members:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            time.sleep(0.002)

    @property
    def running(self) -> bool:
        return not self._gone.is_set()

    @property
    def exit_code(self) -> int | None:
        """None while it runs; negative: the signal that ended it."""
        return self._popen.returncode

    def signal(self, number: int) -> None:
        """Send a signal to the process itself, as Cloud Run does; nothing if it has exited."""
        with self._unreaped:
            if self._popen.returncode is None:
                os.kill(self.pid, number)

    def kill_tree(self) -> None:
        """SIGKILL the whole session, at once."""
        with self._unreaped:
            if self._popen.returncode is None:
                os.killpg(self.pid, signal.SIGKILL)

    def wait(self, timeout_s: float) -> bool:
        """True once it and its session are gone and its last line is in the log."""
        return self._gone.wait(timeout_s)
