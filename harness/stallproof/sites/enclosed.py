"""A program: runs a command so that nothing it starts outlives it, or the one who asked.

    python -m stallproof.sites.enclosed namespaces|processes PARENT_PID CMD...

The tree is the same in both modes, and SIGKILL to any one of it ends all of it:

    PARENT_PID -> launcher (this) -> init -> CMD -> whatever CMD starts

`namespaces`: init is PID 1 of a PID namespace, so the kernel kills the rest with it, and
launcher and init ask the kernel to be killed with their parents. CMD also has mounts and a
network of its own. `processes`: launcher and init are guardians that watch each other
(`guardian.py`).

SIGTERM and SIGINT to the launcher reach CMD. The exit status is CMD's (128 + n for a signal
n), or `CANNOT_ENCLOSE` with one line on stderr.
"""

from __future__ import annotations

import contextlib
import os
import select
import sys
from pathlib import Path
from typing import NoReturn

from stallproof.sites import guardian
from stallproof.sites import kernel_calls as kernel
from stallproof.sites.forking import (
    CANNOT_ENCLOSE,
    MARK,
    complaint,
    execute,
    fork,
    hold_signals,
    orphaned,
    wait_forwarding,
)


def main(argv: list[str]) -> NoReturn:
    launch = {"namespaces": launch_in_namespaces, "processes": guardian.launch}
    if len(argv) < 3 or argv[0] not in launch or not argv[1].isdigit():
        sys.exit("usage: enclosed namespaces|processes PARENT_PID CMD...")
    hold_signals()
    # Out of the terminal's foreground group: Ctrl-C then reaches the harness alone, which
    # forwards it once, instead of every process of the tree at the same time.
    with contextlib.suppress(PermissionError):  # already leads a group of its own
        os.setsid()
    try:
        code = launch[argv[0]](argv[2:], parent=int(argv[1]))
    except OSError as error:
        sys.stderr.write(complaint(error))
        code = CANNOT_ENCLOSE
    sys.exit(code)


def launch_in_namespaces(cmd: list[str], *, parent: int) -> int:
    """Enter new namespaces, run `cmd` under a PID 1 of its own, answer its exit status.

    Raises:
        OSError: namespaces are refused; the text names the call.
    """
    _enter_namespaces()
    kernel.die_with_parent()
    if os.getppid() != parent:
        raise orphaned(parent)  # perhaps before the line above
    alive_fd, held_fd = os.pipe()  # the write end stays with this process: EOF is its death
    init = fork(lambda: _init(cmd, alive_fd, held_fd))
    os.close(alive_fd)
    return wait_forwarding(init)


def _enter_namespaces() -> None:
    uid, gid = os.getuid(), os.getgid()
    rest = kernel.Clone.NEWNS | kernel.Clone.NEWPID | kernel.Clone.NEWNET
    try:
        kernel.unshare(kernel.Clone.NEWUSER | rest)
    except OSError:
        if os.geteuid() != 0:
            raise
        kernel.unshare(rest)  # root needs no user namespace
        return
    maps = {"setgroups": "deny", "uid_map": f"0 {uid} 1", "gid_map": f"0 {gid} 1"}
    for name, text in maps.items():
        with open(f"/proc/self/{name}", "w") as file:  # noqa: PTH123 (exactly one write)
            file.write(text)


def _init(cmd: list[str], alive_fd: int, held_fd: int) -> int:
    """PID 1: `cmd` is its child; when it returns, the kernel kills all that is left."""
    kernel.die_with_parent()
    os.close(held_fd)
    if select.select([alive_fd], [], [], 0)[0]:
        raise orphaned(os.getppid())  # the launcher died before the first line
    kernel.make_mounts_private()
    kernel.mount_proc()
    mark = f"namespaces:{Path('/proc/self/ns/pid').readlink()}"
    runner = fork(lambda: execute(cmd, {MARK: mark}))
    return wait_forwarding(runner)


if __name__ == "__main__":
    main(sys.argv[1:])
