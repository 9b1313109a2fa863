"""The lifecycle plane, continued: more instances of a service, fewer, others in their stead."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, ClassVar

import anyio

from stallproof.faults.base import Fault, Observation, Plane
from stallproof.faults.crews import Crew, Service, crew_of
from stallproof.sites.base import System
from stallproof.sites.capabilities import GRACE_S, Revisions

BOOT_S = 60.0
"""Real seconds in which a new instance takes work, also on a busy machine."""
EXIT_S = 5.0
"""Real seconds in which a killed instance is gone, likewise."""
LOOK_AGAIN_S = 0.05


class OfInstances(Fault, frozen=True, kw_only=True):
    """What these have in common: they change which instances of one service there are."""

    plane: ClassVar[Plane] = "lifecycle"
    needs = (Revisions,)
    lasting = False

    service: Service = "worker"

    @property
    def needed(self) -> tuple[type, ...]:
        return (*self.needs, *crew_of(self.service).needs)


class ScaleOut(OfInstances, frozen=True, kw_only=True, tag="scale-out"):
    """One more instance of the service, beside those that there are. It stays.

    Cloud Run adds instances when load rises, or when somebody sets another number of them.
    """

    cuts = False

    def describe(self) -> str:
        return f"one more instance of the {self.service}"

    async def begin(self, system: System) -> dict[str, Any]:
        """`old` and `new`: ids; `before`: who took work before."""
        revisions = system.use(Revisions)
        before = sorted(await crew_of(self.service).at_work(system))
        old = list(await revisions.kept(self.service))
        return {"old": old, "new": await revisions.start(self.service), "before": before}

    async def observe(self, system: System, begun: dict[str, Any]) -> Observation:
        """It runs, and one that did not before takes work."""
        crew = crew_of(self.service)
        start_s = system.clock.now()
        fresh = await await_fresh(system, crew, begun, n=1)
        kept = await system.use(Revisions).kept(self.service)
        return Observation(
            bit=fresh >= 1 and begun["new"] in kept,
            seen=f"{fresh} new {crew.noun} beside {len(begun['before'])} "
            f"{system.clock.now() - start_s:.1f} s after the start of {begun['new']}",
            numbers={f"new_{crew.noun}": fresh},
        )


class ScaleIn(OfInstances, frozen=True, kw_only=True, tag="scale-in"):
    """One instance of several has to go: SIGTERM, and ten seconds later SIGKILL. None comes back.

    It is the one that has most work in hand. One that is still starting is waited for, so that
    there are several.
    Source: https://cloud.google.com/run/docs/container-contract (GRACE_S)
    """

    def describe(self) -> str:
        return f"one instance of the {self.service} fewer: SIGTERM, SIGKILL after {GRACE_S:g} s"

    async def begin(self, system: System) -> dict[str, Any]:
        """`of`: the ids of those that there are."""
        return {"of": list(await system.use(Revisions).kept(self.service))}

    async def follow(self, system: System, begun: dict[str, Any]) -> dict[str, Any]:
        """`told`: the id of the one that has to go; the rest as `Crew.tell` says.

        Nothing, if there are not several at work.
        """
        crew, of = crew_of(self.service), begun["of"]
        at_work = await await_at_work(system, crew, lambda now: len(now) >= len(of))
        if len(of) < 2 or len(at_work) < len(of):
            return {}
        told = max(of, key=lambda instance: crew.in_hand(system, instance))
        return {"told": told, **await crew.tell(system, [told])}

    async def observe(self, system: System, begun: dict[str, Any]) -> Observation:
        """It was at work, and it left within its grace or by SIGKILL."""
        if "told" not in begun:
            return Observation(bit=False, seen=f"of {', '.join(begun['of'])} not several at work")
        told = begun["told"]
        parting = await seen_off(system, self.service, told, since_s=begun["told_at_s"])
        return Observation(
            bit=parting is not None and begun["at_work"],
            seen=f"{said(told, parting)}; it had {had(crew_of(self.service), begun)}",
            numbers={"in_hand": begun["in_hand"], **({} if parting is None else parting)},
        )


class Rollout(OfInstances, frozen=True, kw_only=True, tag="rollout"):
    """A new revision of the service: up and taking work before the old one is told to go.

    For each instance another is started; once all of them take work, old and new do so side by
    side for a while; then the old ones get no more where somebody hands it out, and SIGTERM, and
    SIGKILL ten seconds later. Old and new are the same code: what is judged is the change of hands.
    Source: https://cloud.google.com/run/docs/container-contract (GRACE_S);
    https://cloud.google.com/run/docs/rollouts-rollbacks-traffic-migration (side by side)
    """

    overlap_s: float = 3.0
    """For how long both take work, counted from when the new revision does."""

    def __post_init__(self) -> None:
        if not 0 <= self.overlap_s <= 600:
            raise ValueError(f"overlap_s is {self.overlap_s}: it must lie in 0 to 600")

    def describe(self) -> str:
        return (
            f"roll out a new revision of the {self.service}, {self.overlap_s:g} s beside the old "
            "one"
        )

    async def begin(self, system: System) -> dict[str, Any]:
        """`old` and `new`: ids; `before`: who took work before."""
        revisions = system.use(Revisions)
        before = sorted(await crew_of(self.service).at_work(system))
        old = list(await revisions.kept(self.service))
        new = [await revisions.start(self.service) for _ in old]
        return {"old": old, "new": new, "before": before}

    async def follow(self, system: System, begun: dict[str, Any]) -> dict[str, Any]:
        """`fresh`: how many new ones took work; the rest as `Crew.tell` says of the old ones.

        The rest is left out if the new revision never came up, in which case the old one goes on,
        as on Cloud Run.
        """
        crew, n = crew_of(self.service), len(begun["new"])
        fresh = await await_fresh(system, crew, begun, n=n)
        if fresh < n:
            return {"fresh": fresh}
        await system.clock.sleep(self.overlap_s)
        return {"fresh": fresh, **await crew.tell(system, begun["old"])}

    async def observe(self, system: System, begun: dict[str, Any]) -> Observation:
        """Both took work at once; then the old ones, at work, left, and the new ones stay."""
        crew = crew_of(self.service)
        side_by_side = f"{begun['fresh']} new {crew.noun} beside {len(begun['before'])}"
        if "told_at_s" not in begun:
            return Observation(bit=False, seen=f"the new revision never took work: {side_by_side}")
        partings: dict[str, dict[str, float] | None] = {}

        async def see(old: str) -> None:
            partings[old] = await seen_off(system, self.service, old, since_s=begun["told_at_s"])

        async with anyio.create_task_group() as group:  # each at its own time
            for old in begun["old"]:
                group.start_soon(see, old)
        kept = await system.use(Revisions).kept(self.service)
        numbers = {f"new_{crew.noun}": begun["fresh"], "in_hand": begun["in_hand"]}
        if gone := [parting for parting in partings.values() if parting is not None]:
            numbers |= max(gone, key=lambda parting: parting["after_s"])
        return Observation(
            bit=None not in partings.values() and begun["at_work"] and list(kept) == begun["new"],
            seen="; ".join([side_by_side, *(said(old, partings[old]) for old in begun["old"])])
            + f", {had(crew, begun)}",
            numbers=numbers,
        )


async def await_at_work(system: System, crew: Crew, enough: Callable[[set[str]], bool]) -> set[str]:
    """Wait until those that take work are enough, for `BOOT_S` at most. Who they are then."""
    now: set[str] = set()

    async def look() -> bool:
        nonlocal now
        now = await crew.at_work(system)
        return enough(now)

    await _until(look, within_s=BOOT_S)
    return now


async def await_fresh(system: System, crew: Crew, begun: dict[str, Any], *, n: int) -> int:
    """Wait until that many take work who did not before, for `BOOT_S` at most. How many do then.

    An old one that had not come to it yet when they were started is none of them.
    """
    old = {*begun["before"], *begun["old"]}
    return len(await await_at_work(system, crew, lambda now: len(now - old) >= n) - old)


async def seen_off(
    system: System, service: Service, instance: str, *, since_s: float
) -> dict[str, float] | None:
    """Wait until one that was told to go has gone; how. None: it has not when it had to.

    `since_s`: when it was told, by the system's clock. `after_s`: when it was gone, counted from
    there; `code`: its exit code.
    """
    code: int | None = None

    async def look() -> bool:
        nonlocal code
        code = await system.use(Revisions).left(service, instance)
        return code is not None

    await _until(look, within_s=system.clock.real_s(GRACE_S) + EXIT_S)
    return None if code is None else {"after_s": system.clock.now() - since_s, "code": code}


def said(instance: str, parting: dict[str, float] | None) -> str:
    if parting is None:
        return f"{instance} still runs"
    code, after_s = parting["code"], parting["after_s"]
    # uvicorn, once it has shut down, ends by the signal that it got.
    how = f"was ended by signal {-code:g}" if code < 0 else f"left by itself with code {code:g}"
    return f"{instance} {how} {after_s:.1f} s after SIGTERM"


def had(crew: Crew, told: dict[str, Any]) -> str:
    """What those that were told to go had in hand then, or just before."""
    just = ", the last just done" if told["at_work"] and not told["in_hand"] else ""
    return f"{told['in_hand']} {crew.work} in hand{just}"


async def _until(look: Callable[[], Awaitable[bool]], *, within_s: float) -> None:
    with anyio.move_on_after(within_s):
        while not await look():
            await anyio.sleep(LOOK_AGAIN_S)
