"""Which instance gets the next request of a client, and what each has in hand."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import NamedTuple

import anyio
from anyio.abc import SocketStream

from stallproof.sites.base import Address
from stallproof.sites.capabilities import Hands

PENDING_S = 10.0
"""For so long a request waits while no instance is ready.
Source: https://cloud.google.com/run/docs/about-instance-autoscaling"""
LOOK_AGAIN_S = 0.05


class Upstream(NamedTuple):
    """An instance that runs."""

    instance: str
    """Its id."""
    address: Address


class NoInstanceError(Exception):
    """No instance was ready for `PENDING_S`."""


class Router:
    """`Routing`: each request to one that is ready and has the fewest in hand.

    Ready is one that has once taken a connection: so says Cloud Run's startup probe, where nobody
    sets another. Source: https://cloud.google.com/run/docs/configuring/healthchecks
    """

    def __init__(self, running: Callable[[], Sequence[Upstream]]) -> None:
        """`running`: those that run just now, without such as were told to end."""
        self._running = running
        self._ready: set[str] = set()
        self._withheld: set[str] = set()
        self._requests: Counter[str] = Counter()
        self._last_at: dict[str, float] = {}
        self._n_handed: Counter[str] = Counter()
        self._handed = anyio.Event()

    def withhold(self, instances: Sequence[str]) -> None:
        """From now on no new request goes to them; what they have in hand, they finish."""
        self._withheld.update(instances)

    def hands(self, instance: str) -> Hands:
        if requests := self._requests[instance]:
            return Hands(requests, 0.0)
        last_at = self._last_at.get(instance)
        return Hands(0, None if last_at is None else anyio.current_time() - last_at)

    async def handed(self, instances: Sequence[str], *, within_s: float) -> None:
        """Wait until one of them has just been handed a request, for that long at most."""
        before = self._n_handed_to(instances)
        with anyio.move_on_after(within_s):
            while self._n_handed_to(instances) == before:
                await self._handed.wait()

    def _n_handed_to(self, instances: Sequence[str]) -> int:
        return sum(self._n_handed[instance] for instance in instances)

    @asynccontextmanager
    async def hand_over(self, request: bytes) -> AsyncIterator[SocketStream]:
        """The connection on which the request went out, in the instance's hands until it ends.

        Raises:
            NoInstanceError: no instance was ready.
            OSError: one that was ready does not take it.
            anyio.BrokenResourceError: likewise.
        """
        instance, wire = await self._connected()
        self._requests[instance] += 1
        try:
            async with wire:
                await wire.send(request)
                self._note_handed(instance)
                yield wire
        finally:
            self._requests[instance] -= 1
            self._last_at[instance] = anyio.current_time()

    def _note_handed(self, instance: str) -> None:
        self._n_handed[instance] += 1
        handed, self._handed = self._handed, anyio.Event()
        handed.set()

    async def _connected(self) -> tuple[str, SocketStream]:
        with anyio.move_on_after(PENDING_S):
            while True:
                for instance, address in self._by_choice():
                    try:
                        wire = await anyio.connect_tcp(address.host, address.port)
                    except OSError:
                        if instance in self._ready:
                            raise
                    else:
                        self._ready.add(instance)
                        return instance, wire
                await anyio.sleep(LOOK_AGAIN_S)
        raise NoInstanceError

    def _by_choice(self) -> Sequence[Upstream]:
        """Those to try, the first choice first.

        At random, not in turn: by turns, of a client's two requests the one always went to the
        first of two instances, the other to the second.
        """
        offered = [one for one in self._running() if one.instance not in self._withheld]
        random.shuffle(offered)
        return sorted(offered, key=lambda one: self._requests[one.instance])
