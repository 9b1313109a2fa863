"""One trial of a fault of an instance: who talks to it, who stands in its place, what is left."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import closing, suppress
from functools import partial
from typing import Any
from urllib.parse import urlsplit

import anyio
import redis
from anyio import to_thread

from stallproof.calibration.broker import at_broker, let_in, life_of
from stallproof.calibration.clients import Clients
from stallproof.calibration.place import (
    Place,
    answering,
    keep_submitting,
    make_ready,
    places,
    working,
)
from stallproof.calibration.row import InstanceRow
from stallproof.calibration.seen import Seen, Trial
from stallproof.calibration.trial import AHEAD_S
from stallproof.calibration.visitors import Visitors
from stallproof.calibration.watching import Watch
from stallproof.sites.base import Address, System
from stallproof.sites.capabilities import BrokerCommands

MARGIN_S = 1.0
"""The kernel's first pause is 0.2 s; an answer comes in far less."""


async def once(row: InstanceRow, system: System) -> Trial:
    """Do it once, and undo it.

    Raises:
        SiteError: the system is not as the row begins, or does not come back.
    """
    await let_in(system.use(BrokerCommands))
    trial = _Trial(row, system, await make_ready(row, system))
    try:
        return await trial.run()
    finally:
        trial.close()


class _Trial:
    def __init__(self, row: InstanceRow, system: System, place: Place) -> None:
        self._row = row
        self._system = system
        self._commands = system.use(BrokerCommands)
        self._place = place
        self._watch = Watch(row, system, place)
        self._visitors = Visitors(_front(system) if row.fronted else place.at, row)
        self._clients = Clients(row.link, system, row)
        self._seen: dict[str, Seen] = {}

    async def run(self) -> Trial:
        row, fault, system = self._row, self._row.fault, self._system
        before = await self._watch.settled()
        life = await life_of(self._commands)
        await to_thread.run_sync(self._visitors.open)
        if row.stands_still:
            await to_thread.run_sync(self._clients.open)
        if fault.lead_s:
            await fault.prepare(system)
        async with anyio.create_task_group() as watching:
            watching.start_soon(self._watch.look_on)
            if row.asked:
                watching.start_soon(keep_submitting, system)
            due = anyio.current_time() + AHEAD_S
            await anyio.sleep_until(due)
            self._count_from(time.monotonic())
            begun = await fault.begin(system)
            late_s = anyio.current_time() - due
            if told := await fault.follow(system, begun):
                self._count_from(time.monotonic())
            await self._look(begun | told, life)
            self._seen["connections"] = await self._watch.ended(before)
            self._seen["process"] = await self._watch.process()
            if fault.lasting:
                await fault.end(system)
                await self._look_again()
            self._seen["afterwards"] = await self._afterwards()
            watching.cancel_scope.cancel()
        self._seen["consumers"] = await self._watch.consumers()
        seen = {probe: self._seen[probe] for probe in row.probes}
        return Trial(seen={row.link: seen}, late_s=late_s, proof=self._proof)

    def close(self) -> None:
        self._watch.close()
        self._visitors.close()
        self._clients.close()

    def _count_from(self, fault_at: float) -> None:
        for each in (self._watch, self._visitors, self._clients):
            each.fault_at = fault_at

    async def _look(self, begun: dict[str, Any], life: str | None) -> None:
        """All clients at once; but one at the front gives the instance CPU, so it comes later."""
        async with anyio.create_task_group() as asking:
            if self._row.stands_still:
                asking.start_soon(self._ask_broker, life)
            if not self._row.fronted:
                asking.start_soon(self._visit)
                asking.start_soon(self._prove, begun)
        if self._row.fronted:
            await self._visit()
            await self._prove(begun)

    async def _prove(self, begun: dict[str, Any]) -> None:
        self._proof = await self._row.fault.observe(self._system, begun)

    async def _visit(self) -> None:
        """All at once; where the instance goes by itself, each when the one before has seen it."""
        probes: dict[str, Callable[[], Seen]] = {
            "held": self._visitors.held,
            "newcomer": self._visitors.newcomer,
        }
        if "request" in self._row.probes:
            probes["request"] = self._visitors.request
        if not self._row.hears:
            await self._record_all(probes)
            return
        await self._record("held", probes.pop("held"))
        if "request" not in probes:  # an instance waits for a request before it goes
            await self._watch.gone()
        for probe, act in probes.items():
            await self._record(probe, act)

    async def _ask_broker(self, life: str | None) -> None:
        """As in the rows of the other planes, from the instance's place alone."""
        clients = self._clients
        with suppress(ConnectionError, redis.ResponseError):
            await self._commands.execute("LPUSH", clients.key, "answer")
        clients.give_up_at = time.monotonic() + self._row.deadline_s
        await self._record_all(
            {
                "waits": clients.wait,
                "next": clients.ask,
                "new": clients.connect,
                "redis-py": clients.ping,
            }
        )
        held = await at_broker(self._commands, {self._row.link: clients}, life)
        self._seen["broker"] = held[self._row.link]

    async def _look_again(self) -> None:
        """What those that met silence hear in the end.

        What was sent meanwhile is sent again by the kernel, after pauses that double: the next time
        before as much time again has gone by.
        """
        deadline_s = time.monotonic() - self._watch.fault_at + MARGIN_S
        again: dict[str, Callable[[], Seen]] = {
            "waits": self._clients.wait,
            "held": partial(self._visitors.held_then, within_s=deadline_s),
            "request": partial(self._visitors.request_then, within_s=deadline_s),
        }
        first = {probe: seen for probe, seen in self._seen.items() if seen.outcome == "silence"}
        silent = first.keys() & again.keys()
        self._clients.fault_at = time.monotonic()
        self._clients.give_up_at = self._clients.fault_at + deadline_s
        await self._record_all({probe: again[probe] for probe in silent})
        for probe in silent:
            then = self._seen[probe]
            if then.outcome == "silence":
                self._seen[probe] = first[probe]
            else:
                self._seen[probe] = Seen(f"silence, then {then.outcome}", then.after_s)

    async def _afterwards(self) -> Seen:
        """Who answers at the instance's port, and how long after the begin."""
        row, began = self._row, self._watch.fault_at
        if row.successor:
            await answering(self._system, row.service)
        after_s = time.monotonic() - began
        with closing(Visitors(self._place.at, row)) as last:
            newcomer = await to_thread.run_sync(last.newcomer)
        if row.successor:
            await working(row, self._system)
        if newcomer.outcome != "200":
            return Seen("nobody" if newcomer.outcome == "ECONNREFUSED" else newcomer.outcome, 0.0)
        answers = next(
            place.instance
            for place in places(self._system, row.service)
            if place.at == self._place.at
        )
        if answers == self._place.instance:
            return Seen("the same", 0.0)
        return Seen("its successor", after_s)

    async def _record_all(self, probes: dict[str, Callable[[], Seen]]) -> None:
        async with anyio.create_task_group() as asking:
            for probe, act in probes.items():
                asking.start_soon(self._record, probe, act)

    async def _record(self, probe: str, act: Callable[[], Seen]) -> None:
        self._seen[probe] = await to_thread.run_sync(act)


def _front(system: System) -> Address:
    parts = urlsplit(system.api_url)
    assert parts.hostname is not None
    assert parts.port is not None
    return Address(parts.hostname, parts.port)
