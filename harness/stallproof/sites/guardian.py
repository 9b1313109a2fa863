"""The enclosure without namespaces: two processes that watch each other and kill the rest.

    PARENT_PID -> launcher -> init -> CMD -> whatever CMD starts

Both launcher and init are subreapers: a descendant whose parent dies becomes a child of the
nearest one, so none can slip away, however it forks. Whoever sees its neighbour end (the
launcher: PARENT_PID or init; init: the launcher or CMD) kills every descendant it has and
removes the run's scratch directory. One SIGKILL anywhere thus ends everything. Killing
launcher and init within the same few milliseconds is not covered: CMD still dies then, but
its grandchildren may not. Only a PID namespace is proof against that.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import select
import shutil
import signal
import time
from pathlib import Path

from stallproof.sites import kernel_calls as kernel
from stallproof.sites.forking import (
    CANNOT_ENCLOSE,
    MARK,
    Inner,
    fork,
    forward_signals,
    hold_signals,
    orphaned,
    shell_status,
)
from stallproof.sites.proctable import descendants

SCRATCH = "STALLPROOF_SCRATCH"
"""Environment variable: a directory of CMD's own that the guardians remove."""
_KILL_TIMEOUT_S = 10.0
_REAP_PERIOD_S = 0.5


def launch(inner: Inner, *, parent: int) -> int:
    """Run `inner` between two guardians and answer its exit status.

    Raises:
        OSError: the kernel has no subreapers or pidfds (before Linux 5.3).
    """
    # Only its name: the folder is made by init, once that watches. At each moment one of both is
    # there that knows of it, whichever is killed.
    scratch = _scratch_home() / f"stallproof-{secrets.token_hex(8)}"
    try:
        kernel.become_subreaper()
        parent_fd = _watch_parent(parent)
        me = os.getpid()
        init = fork(lambda: _init(inner, launcher=me, scratch=scratch))
        return _guard(init, above_fd=parent_fd)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _scratch_home() -> Path:
    """Where temporary files go: `tempfile` asks by writing one, and killed meanwhile leaves it."""
    return Path(os.environ.get("TMPDIR") or "/tmp").absolute()  # noqa: S108 (the folder in it is made anew)


def _init(inner: Inner, *, launcher: int, scratch: Path) -> int:
    hold_signals()  # those for the launcher came to it, not here
    kernel.become_subreaper()
    launcher_fd = _watch_parent(launcher)
    me = os.getpid()

    def become_runner() -> int:
        kernel.die_with_parent()
        if os.getppid() != me:
            raise orphaned(me)
        return inner({MARK: f"processes:{me}", SCRATCH: str(scratch)})

    scratch.mkdir(mode=0o700)
    try:
        return _guard(fork(become_runner), above_fd=launcher_fd)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _watch_parent(pid: int) -> int:
    """A descriptor that turns readable when the parent ends.

    Raises:
        ProcessLookupError: it already has.
    """
    fd = os.pidfd_open(pid)
    if os.getppid() != pid:
        raise orphaned(pid)
    return fd


def _guard(child: int, *, above_fd: int) -> int:
    """Wait for the child or the process above to end, then kill all that descends from here."""
    child_fd = os.pidfd_open(child)
    forward_signals(child)
    statuses: dict[int, int] = {}
    while not select.select([above_fd, child_fd], [], [], _REAP_PERIOD_S)[0]:
        _reap(statuses)
    _kill_descendants(statuses)
    return shell_status(statuses[child]) if child in statuses else CANNOT_ENCLOSE


def _reap(statuses: dict[int, int]) -> bool:
    """Take the status of every child that has ended; False: no child is left at all."""
    try:
        while (ended := os.waitpid(-1, os.WNOHANG))[0]:
            statuses[ended[0]] = ended[1]
    except ChildProcessError:
        return False
    return True


def _kill_descendants(statuses: dict[int, int]) -> None:
    """SIGKILL until no child is left; orphans come here, so then no descendant is left."""
    deadline = time.monotonic() + _KILL_TIMEOUT_S
    while _reap(statuses):
        alive = descendants(os.getpid())
        if time.monotonic() > deadline:
            line = f"stallproof: killed {_KILL_TIMEOUT_S} s ago and still there: {alive}\n"
            os.write(2, line.encode())
            return
        for pid in alive:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.002)
