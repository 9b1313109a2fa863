"""The lifecycle plane, continued: more instances of the worker, fewer, others in their stead."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any, ClassVar

import anyio
import msgspec

from stallproof.faults.base import Fault, Observation, Plane
from stallproof.sites.base import Link, System
from stallproof.sites.capabilities import GRACE_S, BrokerCommands, Revisions

BOOT_S = 60.0
"""Real seconds in which a new instance takes work, also on a busy machine."""
EXIT_S = 5.0
"""Real seconds in which a killed instance is gone, likewise."""
LOOK_AGAIN_S = 0.05
SERVICE = "worker"


class ScaleOut(Fault, frozen=True, kw_only=True, tag="scale-out"):
    """One more instance of the worker, beside those that there are. It stays.

    Cloud Run adds instances when load rises, or when somebody sets another number of them.
    """

    plane: ClassVar[Plane] = "lifecycle"
    needs = (Revisions, BrokerCommands)
    lasting = False
    cuts = False

    def describe(self) -> str:
        return "one more instance of the worker"

    async def begin(self, system: System) -> dict[str, Any]:
        """`new`: its id; `consumers`: who asked the broker for work before."""
        consumers = sorted(await consumers_of(system))
        return {"new": await system.use(Revisions).start(SERVICE), "consumers": consumers}

    async def observe(self, system: System, begun: dict[str, Any]) -> Observation:
        """It runs, and one that did not before asks the broker for work."""
        start_s = system.clock.now()
        before = set(begun["consumers"])
        now = await await_consumers(system, lambda now: len(now - before) >= 1)
        kept = await system.use(Revisions).kept(SERVICE)
        return Observation(
            bit=len(now - before) >= 1 and begun["new"] in kept,
            seen=f"{len(now - before)} new consumers at the broker "
            f"{system.clock.now() - start_s:.1f} s after the start of {begun['new']}",
            numbers={"new_consumers": len(now - before)},
        )


class ScaleIn(Fault, frozen=True, kw_only=True, tag="scale-in"):
    """One instance of several has to go: SIGTERM, and ten seconds later SIGKILL. None comes back.

    It is the one that has most tasks in hand: Cloud Run asks no worker whether it is at work. One
    that is still starting is waited for, so that there are several.
    Source: https://cloud.google.com/run/docs/container-contract (GRACE_S)
    """

    plane: ClassVar[Plane] = "lifecycle"
    needs = (Revisions, BrokerCommands)
    lasting = False

    def describe(self) -> str:
        return f"one instance of the worker fewer: SIGTERM, SIGKILL after {GRACE_S:g} s"

    async def begin(self, system: System) -> dict[str, Any]:
        """`of`: the ids of those that there are."""
        return {"of": list(await system.use(Revisions).kept(SERVICE))}

    async def follow(self, system: System, begun: dict[str, Any]) -> dict[str, Any]:
        """`told`: the id of the one that has to go; `in_hand`: its tasks at that moment.

        `told_at_s`: a reading of the system's clock. Nothing, if there are not several at work.
        """
        of = begun["of"]
        consumers = await await_consumers(system, lambda now: len(now) >= len(of))
        if len(of) < 2 or len(consumers) < len(of):
            return {}
        hands = in_hand(system.ledger.read_bytes())
        told = max(of, key=lambda instance: hands[instance])
        told_at_s = system.clock.now()
        await system.use(Revisions).retire(SERVICE, told)
        return {"told": told, "in_hand": hands[told], "told_at_s": told_at_s}

    async def observe(self, system: System, begun: dict[str, Any]) -> Observation:
        """It had a task in hand, and it left within its grace or by SIGKILL."""
        if "told" not in begun:
            return Observation(bit=False, seen=f"of {', '.join(begun['of'])} not several at work")
        told = begun["told"]
        parting = await seen_off(system, told, since_s=begun["told_at_s"])
        return Observation(
            bit=parting is not None and begun["in_hand"] > 0,
            seen=f"{said(told, parting)}; it had {begun['in_hand']} tasks in hand",
            numbers={"in_hand": begun["in_hand"], **({} if parting is None else parting)},
        )


class Rollout(Fault, frozen=True, kw_only=True, tag="rollout"):
    """A new revision of the worker: up and taking work before the old one is told to go.

    For each instance another is started; once all of them ask the broker for work, old and new
    do so side by side for a while; then the old ones get SIGTERM, and SIGKILL ten seconds later.
    Old and new are the same code: what is judged is the change of hands.
    Source: https://cloud.google.com/run/docs/container-contract (GRACE_S)
    """

    plane: ClassVar[Plane] = "lifecycle"
    needs = (Revisions, BrokerCommands)
    lasting = False

    overlap_s: float = 3.0
    """For how long both take work, counted from when the new revision does."""

    def __post_init__(self) -> None:
        if not 0 <= self.overlap_s <= 600:
            raise ValueError(f"overlap_s is {self.overlap_s}: it must lie in 0 to 600")

    def describe(self) -> str:
        return f"roll out a new revision of the worker, {self.overlap_s:g} s beside the old one"

    async def begin(self, system: System) -> dict[str, Any]:
        """`old` and `new`: ids; `consumers`: who asked the broker for work before."""
        revisions = system.use(Revisions)
        consumers = sorted(await consumers_of(system))
        old = list(await revisions.kept(SERVICE))
        new = [await revisions.start(SERVICE) for _ in old]
        return {"old": old, "new": new, "consumers": consumers}

    async def follow(self, system: System, begun: dict[str, Any]) -> dict[str, Any]:
        """`new_consumers`: how many asked for work; `in_hand`: of the old, when it was told.

        `told_at_s`: a reading of the system's clock; left out if the new one never came up, in
        which case the old one goes on, as on Cloud Run.
        """
        before, n = set(begun["consumers"]), len(begun["new"])
        now = await await_consumers(system, lambda now: len(now - before) >= n)
        if len(now - before) < n:
            return {"new_consumers": len(now - before)}
        await system.clock.sleep(self.overlap_s)
        hands = in_hand(system.ledger.read_bytes())
        told_at_s = system.clock.now()
        for instance in begun["old"]:
            await system.use(Revisions).retire(SERVICE, instance)
        tasks = sum(hands[instance] for instance in begun["old"])
        return {"new_consumers": len(now - before), "in_hand": tasks, "told_at_s": told_at_s}

    async def observe(self, system: System, begun: dict[str, Any]) -> Observation:
        """Both asked for work at once; then the old ones, at work, left, and the new ones stay."""
        consumers = f"{begun['new_consumers']} new consumers beside {len(begun['consumers'])}"
        if "told_at_s" not in begun:
            return Observation(bit=False, seen=f"the new revision never took work: {consumers}")
        partings = {
            old: await seen_off(system, old, since_s=begun["told_at_s"]) for old in begun["old"]
        }
        kept = await system.use(Revisions).kept(SERVICE)
        numbers = {"new_consumers": begun["new_consumers"], "in_hand": begun["in_hand"]}
        for parting in partings.values():
            numbers |= parting or {}
        return Observation(
            bit=None not in partings.values()
            and begun["in_hand"] > 0
            and list(kept) == begun["new"],
            seen="; ".join([consumers, *(said(*one) for one in partings.items())])
            + f", {begun['in_hand']} tasks in hand",
            numbers=numbers,
        )


def in_hand(ledger: bytes) -> Counter[str]:
    """How many tasks each instance has begun and not ended, as the ledger has it."""
    begun: dict[tuple[str, int], str] = {}
    for line in ledger[: ledger.rfind(b"\n") + 1].splitlines():
        entry = msgspec.json.decode(line)
        if entry["event"] not in ("start", "end"):
            continue
        task = (entry["story_id"], entry["attempt"])
        if entry["event"] == "start":
            begun[task] = entry["instance"]
        else:
            begun.pop(task, None)
    return Counter(begun.values())


async def consumers_of(system: System) -> set[str]:
    """Who asks the broker for work: the worker's clients whose last command is a BRPOP, by id.

    Each of Celery's workers has one, whose connection does nothing else. Seen from the broker it
    is the same on either route. A broker that is down has none.
    """
    broker = system.use(BrokerCommands)
    here = broker.address_of(Link.WORKER_BROKER)
    try:
        lines = str(await broker.execute("CLIENT", "LIST")).splitlines()
    except ConnectionError:
        return set()
    clients = [dict(part.partition("=")[::2] for part in line.split()) for line in lines]
    return {
        client["id"]
        for client in clients
        if client["laddr"] == f"{here.host}:{here.port}" and client["cmd"] == "brpop"
    }


async def await_consumers(system: System, enough: Callable[[set[str]], bool]) -> set[str]:
    """Wait until they are enough, for `BOOT_S` at most. Who they are then."""
    now: set[str] = set()

    async def look() -> bool:
        nonlocal now
        now = await consumers_of(system)
        return enough(now)

    await _until(look, within_s=BOOT_S)
    return now


async def seen_off(system: System, instance: str, *, since_s: float) -> dict[str, float] | None:
    """Wait until one that was told to go has gone; how. None: it has not when it had to.

    `since_s`: when it was told, by the system's clock. `after_s`: when it was gone, counted from
    there; `code`: its exit code.
    """
    code: int | None = None

    async def look() -> bool:
        nonlocal code
        code = await system.use(Revisions).left(SERVICE, instance)
        return code is not None

    await _until(look, within_s=system.clock.real_s(GRACE_S) + EXIT_S)
    return None if code is None else {"after_s": system.clock.now() - since_s, "code": code}


def said(instance: str, parting: dict[str, float] | None) -> str:
    if parting is None:
        return f"{instance} still runs"
    code, after_s = parting["code"], parting["after_s"]
    how = f"was ended by signal {-code:g}" if code < 0 else f"left by itself with code {code:g}"
    return f"{instance} {how} {after_s:.1f} s after SIGTERM"


async def _until(look: Callable[[], Awaitable[bool]], *, within_s: float) -> None:
    with anyio.move_on_after(within_s):
        while not await look():
            await anyio.sleep(LOOK_AGAIN_S)
