"""The values that say what a run is to do: schedule, workload, limits, scenario; and the verdict.

Values only: nothing here acts. Each encodes to JSON and back with msgspec and says in one
line what is wrong when it is built from bad input. What comes of a run is in `records.py`.
"""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Iterable
from enum import StrEnum
from typing import Any

import msgspec

from stallproof.arrivals import Stage, arrivals_s
from stallproof.faults import AnyFault
from stallproof.sites.base import Persistence, Route


class Verdict(StrEnum):
    """What a checker, a run or a scenario comes to. Unknown is never green."""

    VALID = "valid"
    UNKNOWN = "unknown"
    INVALID = "invalid"


def worst(verdicts: Iterable[Verdict]) -> Verdict:
    """Invalid before unknown before valid; nothing at all is unknown."""
    found = set(verdicts)
    for verdict in (Verdict.INVALID, Verdict.UNKNOWN, Verdict.VALID):
        if verdict in found:
            return verdict
    return Verdict.UNKNOWN


class Step(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A fault placed in time: begun `at_s` after load starts, undone `for_s` later."""

    at_s: float
    fault: AnyFault
    for_s: float | None = None

    def __post_init__(self) -> None:
        if self.at_s < 0:
            raise ValueError(f"at_s is {self.at_s}: it must be 0 or more")
        if self.at_s < self.fault.lead_s:
            raise ValueError(
                f"at_s is {self.at_s}: it must be {self.fault.lead_s:g} or more, "
                f"because {self.fault.name} has to be prepared"
            )
        if self.fault.lasting and (self.for_s is None or self.for_s <= 0):
            raise ValueError(f"{self.fault.name} lasts: say for how long (for_s > 0)")
        if not self.fault.lasting and self.for_s is not None:
            raise ValueError(f"{self.fault.name} is done in an instant: it takes no for_s")

    @property
    def prepared_s(self) -> float:
        """When what it takes beforehand begins, in seconds after load starts."""
        return self.at_s - self.fault.lead_s

    @property
    def ends_s(self) -> float:
        """When it is over, in seconds after load starts."""
        return self.at_s + (self.for_s or 0.0)


def at(at_s: float, fault: AnyFault, *, for_s: float | None = None) -> Step:
    """`at(3, BrokerRestart(how="killed"), for_s=4)` reads as a sentence."""
    return Step(at_s=at_s, fault=fault, for_s=for_s)


class Schedule(msgspec.Struct, frozen=True):
    """Faults placed in time. A value: it prints as JSON, hashes to a token, replays."""

    steps: tuple[Step, ...] = ()

    def __post_init__(self) -> None:
        routes = {step.fault.route for step in self.steps} - {None}
        if len(routes) > 1:
            raise ValueError(
                "the schedule mixes faults of the proxied and the direct route: "
                "a proxy between client and broker hides kernel faults; make two scenarios"
            )
        for step, other in itertools.permutations(self.steps, 2):
            why = step.fault.apart_from.get(other.fault.name)
            if why is not None and step.prepared_s <= other.ends_s and other.at_s <= step.ends_s:
                raise ValueError(
                    f"{step.fault.name} ({step.prepared_s:g} s, when it is prepared, to "
                    f"{step.ends_s:g} s) and {other.fault.name} ({other.at_s:g} to "
                    f"{other.ends_s:g} s) must be apart: {why}"
                )

    @property
    def route(self) -> Route | None:
        """The route that its faults need; None when any will do."""
        return next((s.fault.route for s in self.steps if s.fault.route is not None), None)

    @property
    def ends_s(self) -> float:
        """When the last fault is over, in seconds after load starts."""
        return max((step.ends_s for step in self.steps), default=0.0)

    def to_json(self) -> str:
        return msgspec.json.encode(self).decode()

    @classmethod
    def from_json(cls, text: str | bytes) -> Schedule:
        """The schedule that `to_json` wrote.

        Raises:
            ValueError: not a schedule; one line naming the field.
        """
        try:
            return msgspec.json.decode(text, type=cls)
        except msgspec.MsgspecError as error:
            raise ValueError(f"not a schedule: {error}") from None

    @property
    def token(self) -> str:
        """Twelve hex digits that name this schedule and no other."""
        # Once through the decoder, so that `at_s=3` and `at_s=3.0` are one schedule.
        canonical = Schedule.from_json(self.to_json()).to_json()
        return hashlib.sha256(canonical.encode()).hexdigest()[:12]


class Workload(msgspec.Struct, frozen=True, kw_only=True):
    """When stories arrive (open model: they do not wait for one another), how long each takes."""

    rate_per_s: float = 2.0
    for_s: float = 12.0
    task_s: float = 0.2
    stages: tuple[Stage, ...] = ()
    """A rate that changes; `rate_per_s` is then its mean, `for_s` the length of all of them."""

    def __post_init__(self) -> None:
        for field in ("rate_per_s", "for_s", "task_s"):
            if getattr(self, field) <= 0:
                raise ValueError(f"{field} is {getattr(self, field)}: it must be above 0")

    def arrivals_s(self) -> list[float]:
        """Seconds after load starts at which each story is submitted."""
        steady = Stage(for_s=self.for_s, from_per_s=self.rate_per_s, to_per_s=self.rate_per_s)
        return arrivals_s(self.stages or (steady,))


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """What must hold. Seconds; each is judged by the checker of the same name."""

    stall_s: float = 10.0
    """Work queued, no fault in force, and nothing started for longer: a stall."""
    first_start_s: float = 15.0
    """From the end of a fault to the first start after it of what was not in hand already."""
    drain_s: float = 25.0
    """From the end of the last fault until every story accepted by then is done."""
    accept_s: float = 5.0
    """The slowest POST /stories/ may take."""
    accept_error_rate: float = 0.0
    """Share of POSTs that may fail."""
    lost: int = 0
    duplicated: int = 0
    unhealthy_after_s: float = 40.0
    """A stalled worker must stop answering 200 within this. Cloud Run's liveness probe sees
    only what the health port says."""
    settle_s: float = 30.0
    """How long to watch after the load and the last fault before giving up on what is not done."""


class Expect(msgspec.Struct, frozen=True, kw_only=True):
    """What a profile that does not hold shows instead: a finding, kept with its evidence."""

    verdict: Verdict
    checkers: tuple[str, ...]
    """The checkers that call it so, every time; others may as well."""
    because: str
    """Why, in a sentence or two, with the setting that decides it."""
    sometimes: bool = False
    """It shows in some runs only: a run that is valid does not contradict it."""


class Scenario(msgspec.Struct, frozen=True, kw_only=True):
    """Workload x schedule x what must hold. Profile and stack are chosen when it is run."""

    name: str
    title: str
    on_cloud_run: str
    guide_promises: str
    must_hold: str
    schedule: Schedule = Schedule()
    workload: Workload = Workload()
    limits: Limits = Limits()
    route: Route = Route.DIRECT
    persistence: Persistence = Persistence.AOF
    max_speed: float = 1.0
    """How many times faster than real time it may run: 1 where the kernel's own timers, or the
    work of this machine, decide what is seen."""
    settings: dict[str, Any] = {}
    """Settings that it is about, by dotted key, laid over those of any profile."""
    tags: tuple[str, ...] = ()
    expected: dict[str, Expect] = {}
    """Per profile; a profile that is not named must be valid."""

    def __post_init__(self) -> None:
        if self.max_speed < 1:
            raise ValueError(f"{self.name}: max_speed is {self.max_speed}: it must be 1 or more")
        slow = [step.fault.name for step in self.schedule.steps if step.fault.real_time]
        if slow and self.max_speed > 1:
            raise ValueError(
                f"{self.name}: max_speed is {self.max_speed:g}: it must be 1, because the kernel's "
                f"own timers decide what comes of {slow[0]}"
            )
        needed = self.schedule.route
        if needed is not None and needed != self.route:
            raise ValueError(f"{self.name}: its faults need route {needed}, it says {self.route}")
        if self.schedule.ends_s >= self.workload.for_s:
            raise ValueError(
                f"{self.name}: the load ends at {self.workload.for_s} s, before the last fault "
                f"({self.schedule.ends_s} s): nothing would show that work flows again"
            )
