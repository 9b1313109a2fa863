"""A host: a network namespace that a thread holds, in which functions and processes run."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, Protocol, TypeVar

from stallproof.sites import kernel_calls as kernel

P = ParamSpec("P")
T = TypeVar("T")


class Host(Protocol):
    """Where a process of the system runs."""

    def run(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Call it in this host's network; what it starts and opens belongs to that network."""

    def close(self) -> None:
        """Give the network back; the kernel removes it when its last process is gone."""


class Here:
    """The network of the process itself."""

    def run(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        return function(*args, **kwargs)

    def close(self) -> None:
        """Nothing to give back."""


class NetnsHost:
    """A network namespace of its own, empty but for a loopback that is down.

    A namespace belongs to a thread, and a child process inherits that of the thread that
    forked it. So one thread enters it and stays, and does whatever is to happen there.
    """

    def __init__(self, name: str) -> None:
        self._thread = ThreadPoolExecutor(
            max_workers=1,
            thread_name_prefix=f"host-{name}",
            initializer=kernel.unshare,
            initargs=(kernel.Clone.NEWNET,),
        )

    def run(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        return self._thread.submit(function, *args, **kwargs).result()

    def netns_fd(self) -> int:
        """A descriptor of the namespace, for netlink; the caller closes it."""
        return self.run(os.open, "/proc/thread-self/ns/net", os.O_RDONLY)

    def close(self) -> None:
        self._thread.shutdown(wait=True)
