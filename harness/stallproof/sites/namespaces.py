"""Whether a run can be enclosed, and the command line that encloses it."""

from __future__ import annotations

import functools
import os
import sys
from pathlib import Path

from stallproof.commands import CommandError, TookTooLongError, output_of
from stallproof.sites.base import SiteError
from stallproof.sites.forking import MARK
from stallproof.sites.guardian import SCRATCH

_PROBE_TIMEOUT_S = 60.0
"""A second is usual. A busy machine, which took 20 s, must not be taken for one that refuses."""


def command_enclosed(cmd: list[str], *, namespaces: bool = True) -> list[str]:
    """The argv that runs `cmd` so that all of it ends with `cmd`, and with this process.

    `namespaces=False` is for machines where `why_no_namespaces` gives a reason.

    Any thread may start it, but that thread must live as long as the run: with namespaces,
    the kernel takes the end of the thread that forked for the end of the parent. Start it
    from this very process, not through a shell: whoever forks must be `os.getpid()`.
    """
    mode = "namespaces" if namespaces else "processes"
    return [sys.executable, "-m", "stallproof.sites.enclosed", mode, str(os.getpid()), *cmd]


@functools.cache
def why_no_namespaces() -> str | None:
    """None if a run can have namespaces of its own here; else why not, in one line.

    Found out by building an enclosure with its network in a child process.
    """
    probe = command_enclosed([sys.executable, "-m", "stallproof.sites.gateway"])
    try:
        output_of(probe, awaited="one to be built", timeout_s=_PROBE_TIMEOUT_S)
    except TookTooLongError as error:
        return str(error)
    except CommandError as error:
        return str(error).removeprefix("stallproof: ") + _hint()
    return None


def _hint() -> str:
    restricted = Path("/proc/sys/kernel/apparmor_restrict_unprivileged_userns")
    try:
        if restricted.read_text().strip() == "1":
            return f" (AppArmor restricts user namespaces: 0 in {restricted} allows them)"
    except OSError:
        pass
    return ""


def check_enclosed(*, namespaces: bool) -> Path | None:
    """Make sure that this process runs inside an enclosure of that kind.

    Answers the scratch directory that the guardians made and remove; with namespaces there
    is none yet.

    Raises:
        SiteError: it does not, so what it starts could outlive it.
    """
    mode, _, identity = os.environ.get(MARK, "").partition(":")
    if namespaces and mode == "namespaces":
        if identity == str(Path("/proc/self/ns/pid").readlink()):
            return None
    elif not namespaces and mode == "processes" and identity == str(os.getppid()):
        return Path(os.environ[SCRATCH])
    kind = "namespaces of its own" if namespaces else "the care of its guardians"
    raise SiteError(
        f"this process does not run in {kind}: start it with "
        f"stallproof.sites.namespaces.command_enclosed(..., namespaces={namespaces})"
    )
