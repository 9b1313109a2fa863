"""Fork, exec, signals and exit statuses, as the enclosure's own processes need them.

Only for `enclosed.py`, `guardian.py` and `forkserver.py`: single-threaded programs.
"""

from __future__ import annotations

import contextlib
import errno
import os
import signal
from collections.abc import Callable
from typing import NoReturn, TypeAlias

CANNOT_ENCLOSE = 125
"""Exit status when the enclosure itself could not be built (as `docker run` uses it)."""
MARK = "STALLPROOF_ENCLOSED"
"""Environment variable that the command finds: `mode:identity`; `namespaces.py` verifies it."""
FORWARDED = (signal.SIGTERM, signal.SIGINT)
HELD = (*FORWARDED, signal.SIGCHLD)

Inner: TypeAlias = Callable[[dict[str, str]], int]
"""What is enclosed: given the variables that it shall find in its environment, it answers its exit
status, or becomes another program. `release_signals` is for it to call."""


def hold_signals() -> None:
    """Keep SIGTERM, SIGINT and news of children waiting until somebody asks for them."""
    signal.pthread_sigmask(signal.SIG_BLOCK, HELD)


def fork(child: Callable[[], int]) -> int:
    """The child's pid; the child exits with what `child` answers and never returns."""
    pid = os.fork()
    if pid == 0:
        code = CANNOT_ENCLOSE
        try:
            code = child()
        except OSError as error:
            os.write(2, complaint(error).encode())
        finally:
            os._exit(code)
    return pid


def release_signals() -> None:
    """Signals as they were before `hold_signals`: for the process that is enclosed."""
    for number in FORWARDED:
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, HELD)


def execute(cmd: list[str], extra_env: dict[str, str]) -> NoReturn:
    """Become `cmd`.

    Raises:
        OSError: there is no such command.
    """
    release_signals()
    os.execvpe(cmd[0], cmd, {**os.environ, **extra_env})  # noqa: S606 (a list, no shell wanted)


def forward_signals(pid: int) -> None:
    """From now on SIGTERM and SIGINT go to `pid`, those that were held back too."""

    def forward(number: int, _: object) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)

    for number in FORWARDED:
        signal.signal(number, forward)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, FORWARDED)


def wait_forwarding(pid: int) -> int:
    """Reap every child until `pid` has ended, handing SIGTERM and SIGINT on to it meanwhile; its
    exit status as a shell gives it. Only after `hold_signals`.

    The signals are waited for and not handled: a handler whose signal came just before a blocking
    waitpid would run when that returns, which may be never.
    """
    while True:
        while (ended := os.waitpid(-1, os.WNOHANG))[0]:
            if ended[0] == pid:
                return shell_status(ended[1])
        number = signal.sigwait(HELD)
        if number != signal.SIGCHLD:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)


def shell_status(status: int) -> int:
    """`waitpid`'s status as a shell gives it: 128 + n for a signal n."""
    code = os.waitstatus_to_exitcode(status)
    return code if code >= 0 else 128 - code


def complaint(error: OSError) -> str:
    """What stood in the way, as one line."""
    where = "" if error.filename is None else f"{os.fsdecode(error.filename)}: "
    return f"stallproof: cannot enclose: {where}{error.strerror}\n"


def orphaned(parent: int) -> ProcessLookupError:
    """The process that should be waiting for this one is not its parent, or not any more."""
    return ProcessLookupError(errno.ESRCH, f"process {parent} is not the parent of this one")
