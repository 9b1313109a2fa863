"""Where a fault of an instance strikes: so many instances, all of them working, one in particular.

Work comes as clients bring it: a story is submitted to the API, whatever service the row is about.
"""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import NamedTuple
from urllib.parse import urlsplit

import anyio
import httpx2

from stallproof.calibration.row import InstanceRow
from stallproof.faults.crews import crew_of
from stallproof.faults.ledger import tasks_in_hand
from stallproof.sites.base import Address, SiteError, System
from stallproof.sites.capabilities import GRACE_S, Revisions

BOOT_S = 60.0
"""An instance boots in this, also on a busy machine."""
EXIT_S = 5.0
ANSWER_S = 5.0
WORK_S = 30.0
"""A worker takes up work in this, also one that was frozen: the broker's kernel may first pause for
as long again before it tries once more."""
LOOK_AGAIN_S = 0.02
ASKED_AGAIN_S = 0.05
STORY = {"title": "Calibration", "prompt": "One at a time", "user_id": str(uuid.uuid4())}

Problem = Callable[[], Awaitable[str | None]]


class Place(NamedTuple):
    """The instance that is looked at."""

    instance: str
    """Its id."""
    at: Address
    """Its own port."""


async def make_ready(row: InstanceRow, system: System) -> Place:
    """Bring about what the row begins with.

    Raises:
        SiteError: it does not come about; the text says what was seen instead.
    """
    await answering(system, "api")
    await _bring_to(row.instances, row.service, system)
    await working(row, system)
    if row.service == "api" or row.busy:
        await _submit(system)  # with its first story the API connects to the broker
    told = await _one_at_work(system) if row.busy else None
    return next(place for place in places(system, row.service) if told in (place.instance, None))


def places(system: System, service: str) -> list[Place]:
    """The service's instances, the oldest first."""
    found = []
    for instance, url in system.health_ports(service):
        parts = urlsplit(url)
        assert parts.hostname is not None
        assert parts.port is not None
        found.append(Place(instance, Address(parts.hostname, parts.port)))
    return found


async def working(row: InstanceRow, system: System) -> None:
    """Wait until all of the row's instances answer, and, of the worker, ask the broker for work.

    Raises:
        SiteError: they do not.
    """
    await answering(system, row.service)

    async def problem() -> str | None:
        asking = len(await crew_of("worker").at_work(system))
        return None if asking == row.instances else f"{asking} ask"

    if row.service == "worker":
        await until(problem, awaited=f"{row.instances} workers that ask for work", within_s=BOOT_S)


async def answering(system: System, service: str) -> None:
    """Wait until all instances of the service answer.

    Raises:
        SiteError: they do not.
    """

    async def problem() -> str | None:
        silent = [port.instance for port in system.health_ports(service) if not await _ok(port.url)]
        return f"{', '.join(silent)} does not" if silent else None

    await until(problem, awaited=f"the {service} to answer", within_s=BOOT_S)


async def until(problem: Problem, *, awaited: str, within_s: float) -> None:
    """Ask `problem` again and again until it has none (None).

    Raises:
        SiteError: there still was one by then; the text holds the last.
    """
    seen: str | None = "nothing yet"
    with anyio.move_on_after(within_s):
        while (seen := await problem()) is not None:
            await anyio.sleep(LOOK_AGAIN_S)
    if seen is not None:
        raise SiteError(f"waited {within_s:g} s for {awaited}; seen instead: {seen}")


async def _ok(url: str) -> bool:
    async with httpx2.AsyncClient(trust_env=False) as http:
        try:
            return (await http.get(url, timeout=1.0)).is_success
        except httpx2.HTTPError:
            return False


async def _bring_to(count: int, service: str, system: System) -> None:
    """Start instances, or end the newest, until there are so many."""
    revisions = system.use(Revisions)
    kept = list(await revisions.kept(service))
    for _ in range(len(kept), count):
        await revisions.start(service)
    for instance in kept[count:]:
        await revisions.retire(service, instance)

        async def problem(instance: str = instance) -> str | None:
            return None if await revisions.left(service, instance) is not None else "it runs on"

        await until(problem, awaited=f"the end of {instance}", within_s=GRACE_S + EXIT_S)


async def _submit(system: System) -> None:
    async with httpx2.AsyncClient(base_url=system.api_url, trust_env=False) as http:
        try:
            answer = await http.post("/stories/", json=STORY, timeout=ANSWER_S)
        except httpx2.HTTPError as error:
            raise SiteError(f"submitting a story: {type(error).__name__}") from None
    if not answer.is_success:
        raise SiteError(f"submitting a story: HTTP {answer.status_code} instead of 202")


async def keep_submitting(system: System) -> None:
    """One story after the other through the front, until cancelled. Nobody looks at the answers."""
    async with httpx2.AsyncClient(base_url=system.api_url, trust_env=False) as http:
        while True:
            with suppress(httpx2.HTTPError):
                await http.post("/stories/", json=STORY, timeout=ANSWER_S)
            await anyio.sleep(ASKED_AGAIN_S)


async def _one_at_work(system: System) -> str:
    """The id of an instance that has begun a task and has not ended it."""
    busy: list[str] = []

    async def problem() -> str | None:
        hands = tasks_in_hand(system.ledger.read_bytes())
        busy[:] = [place.instance for place in places(system, "worker") if hands[place.instance]]
        return None if busy else f"in hand: {dict(hands)}"

    await until(problem, awaited="a task at work", within_s=WORK_S)
    return busy[0]
