"""One trial: bare clients are opened, the fault begins on time, and each says what it saw."""

from __future__ import annotations

import contextlib
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from math import inf
from typing import Any

import anyio
import redis
from anyio import to_thread

from stallproof.calibration.broker import at_broker, let_in, life_of
from stallproof.calibration.clients import Clients
from stallproof.calibration.row import LINKS, Row
from stallproof.calibration.seen import Seen, Trial
from stallproof.sites.base import Link, System
from stallproof.sites.capabilities import BrokerCommands

AHEAD_S = 0.05
"""The fault is due this long after everything is ready."""
_Record = Callable[[Link, str, Callable[[], Seen]], Coroutine[Any, Any, None]]
BROKER_S = 0.3
"""What a proxy closes on one side it closes on the other within this, also on a busy machine."""


async def once(row: Row, system: System) -> Trial:
    """Do it once, and undo it."""
    commands = system.use(BrokerCommands)
    await let_in(commands)
    life = await life_of(commands)
    clients = {link: Clients(link, system, row) for link in LINKS}
    seen: dict[Link, dict[str, Seen]] = {link: {} for link in LINKS}

    async def record(link: Link, probe: str, act: Callable[[], Seen]) -> None:
        seen[link][probe] = await to_thread.run_sync(act)

    try:
        await row.fault.prepare(system)
        for each in clients.values():
            await to_thread.run_sync(each.open)
        async with _waiting(clients, record):
            due = anyio.current_time() + AHEAD_S
            await anyio.sleep_until(due)
            for each in clients.values():
                each.fault_at = time.monotonic()
            begun = await row.fault.begin(system)
            late_s = anyio.current_time() - due
            await let_in(commands)  # one that has restarted knows us no more
            await anyio.sleep(row.wait_s)
            async with anyio.create_task_group() as asking:
                for link, each in clients.items():
                    # A broker that is down, or takes no pushes.
                    with contextlib.suppress(ConnectionError, redis.ResponseError):
                        await commands.execute("LPUSH", each.key, "answer")
                    each.give_up_at = time.monotonic() + row.deadline_s
                    asking.start_soon(record, link, "next", each.ask)
                    asking.start_soon(record, link, "new", each.connect)
                    asking.start_soon(record, link, "redis-py", each.ping)
        await anyio.sleep(BROKER_S)
        for link, seen_broker in (await at_broker(commands, clients, life)).items():
            seen[link]["broker"] = seen_broker
        proof = await row.fault.observe(system, begun)
        if row.fault.lasting:
            await row.fault.end(system)
    finally:
        for each in clients.values():
            each.close()
    return Trial(seen=seen, late_s=late_s, proof=proof)


@contextlib.asynccontextmanager
async def _waiting(clients: Mapping[Link, Clients], record: _Record) -> AsyncIterator[None]:
    """Every waiting client waits, from here until it has its answer or gives up."""
    async with anyio.create_task_group() as waiting:
        for link, each in clients.items():
            waiting.start_soon(record, link, "waits", each.wait)
        try:
            yield
        except BaseException:
            for each in clients.values():
                each.give_up_at = -inf  # nobody is left to send it an answer
            raise
