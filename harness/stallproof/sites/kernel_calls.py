"""The few system calls Python 3.11's `os` lacks, each raising OSError that names the call.

Constants: <linux/sched.h>, <sys/mount.h>, <linux/prctl.h>.
"""

from __future__ import annotations

import ctypes
import os
import signal
from enum import IntFlag

_libc = ctypes.CDLL(None, use_errno=True)

_PR_SET_PDEATHSIG = 1
_PR_SET_NAME = 15
_PR_SET_CHILD_SUBREAPER = 36
_MS_NOSUID = 0x2
_MS_NODEV = 0x4
_MS_REC = 0x4000
_MS_PRIVATE = 0x40000
_MNT_DETACH = 2


class Clone(IntFlag):
    """Namespaces for `unshare`."""

    NEWNS = 0x20000
    NEWUSER = 0x10000000
    NEWPID = 0x20000000
    NEWNET = 0x40000000


def _check(result: int, what: str) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")


def unshare(namespaces: Clone) -> None:
    """Leave the named namespaces for fresh ones. NEWNET moves the calling thread only."""
    names = "|".join(flag.name or "" for flag in Clone if flag in namespaces)
    _check(_libc.unshare(int(namespaces)), f"unshare({names})")


def die_with_parent() -> None:
    """SIGKILL for this process when the parent *thread* that forked it ends.

    Gaining credentials clears it, so call it after `unshare(NEWUSER)`; a parent that died
    before the call goes unnoticed, so check for that afterwards.
    """
    _check(_libc.prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0), "prctl(PDEATHSIG)")


def name_this_process(name: str) -> None:
    """What `ps -o comm`, `top` and /proc/PID/comm call it: up to 15 bytes."""
    _check(_libc.prctl(_PR_SET_NAME, name.encode(), 0, 0, 0), "prctl(NAME)")


def become_subreaper() -> None:
    """Orphans among this process's descendants become its children, not init's."""
    _check(_libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0), "prctl(CHILD_SUBREAPER)")


def make_mounts_private() -> None:
    """Mounts made from now on stay in this mount namespace."""
    _check(_libc.mount(b"none", b"/", None, _MS_REC | _MS_PRIVATE, None), "mount / private")


def mount_proc() -> None:
    """A fresh /proc that shows this PID namespace."""
    _check(_libc.mount(b"proc", b"/proc", b"proc", 0, None), "mount /proc")


def mount_tmpfs(path: str, *, size_bytes: int) -> None:
    """A file system in memory that is gone with the mount namespace."""
    options = f"mode=0700,size={size_bytes}".encode()
    flags = _MS_NOSUID | _MS_NODEV
    result = _libc.mount(b"tmpfs", os.fsencode(path), b"tmpfs", flags, options)
    _check(result, f"mount tmpfs on {path}")


def unmount(path: str) -> None:
    """Take the mount away; files still open in it live until they are closed."""
    _check(_libc.umount2(os.fsencode(path), _MNT_DETACH), f"umount {path}")
