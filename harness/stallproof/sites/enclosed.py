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
import functools
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
    Inner,
    complaint,
    execute,
    fork,
    hold_signals,
    orphaned,
    wait_forwarding,
)


def main(argv: list[str]) -> NoReturn:
    if len(argv) < 3 or argv[0] not in _LAUNCH or not argv[1].isdigit():
        sys.exit("usage: enclosed namespaces|processes PARENT_PID CMD...")
    sys.exit(enclose(argv[0], functools.partial(execute, argv[2:]), parent=int(argv[1])))


def enclose(mode: str, inner: Inner, *, parent: int) -> int:
    """Be the launcher of `inner`, and answer its exit status."""
    hold_signals()
    # Out of the terminal's foreground group: Ctrl-C then reaches the harness alone, which
    # forwards it once, instead of every process of the tree at the same time.
    with contextlib.suppress(PermissionError):  # already leads a group of its own
        os.setsid()
    try:
        return _LAUNCH[mode](inner, parent=parent)
    except OSError as error:
        sys.stderr.write(complaint(error))
        return CANNOT_ENCLOSE


def launch_in_namespaces(inner: Inner, *, parent: int) -> int:
    """Enter new namespaces, run `inner` under a PID 1 of its own, answer its exit status.

    Raises:
        OSError: namespaces are refused; the text names the call.
    """
    _enter_namespaces()
    kernel.die_with_parent()
    if os.getppid() != parent:
        raise orphaned(parent)  # perhaps before the line above
    alive_fd, held_fd = os.pipe()  # the write end stays with this process: EOF is its death
    init = fork(lambda: _init(inner, alive_fd, held_fd))
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


def _init(inner: Inner, alive_fd: int, held_fd: int) -> int:
    """PID 1: `inner` is its child; when it returns, the kernel kills all that is left."""
    kernel.die_with_parent()
    os.close(held_fd)
    if select.select([alive_fd], [], [], 0)[0]:
        raise orphaned(os.getppid())  # the launcher died before the first line
    kernel.make_mounts_private()
    kernel.mount_proc()
    mark = f"namespaces:{Path('/proc/self/ns/pid').readlink()}"
    runner = fork(lambda: inner({MARK: mark}))
    return wait_forwarding(runner)


_LAUNCH = {"namespaces": launch_in_namespaces, "processes": guardian.launch}


if __name__ == "__main__":
    main(sys.argv[1:])
