"""Literal histories, told in a few lines. Times are seconds after the load started.

    run = Run(until=40).story(0, at=1, start=1.5, end=1.75).queue(5, 3)
    found = run.judge()["stalled"]

A `Run` has booted, warmed up, and samples broker and health every second until its end,
unless told otherwise. All times are multiples of 1/8 s or so: exact in binary.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from msgspec.structs import replace

from stallproof.checkers import judge
from stallproof.events import (
    AnyEvent,
    Bite,
    Broker,
    ClockSet,
    Connections,
    FaultPhase,
    Freezing,
    Health,
    Held,
    InstancePhase,
    Log,
    MessagePhase,
    Op,
    Phase,
    Task,
)
from stallproof.faults import BrokerRestart, ClientKill, Down, Latency, NatIdleExpiry, SilentDrop
from stallproof.history import History
from stallproof.messages import Holdings, Unacked, Waiting
from stallproof.model import Limits, Scenario, Schedule, Step, Workload, at
from stallproof.records import Finding
from stallproof.sites.base import Route

LOAD_T = 64.0
"""When the load starts: not 0, so that a checker that confuses the two is caught."""

WALL_S = 1_700_000_000.0
"""The UNIX time at which the history begins."""
VISIBILITY_S = 3600.0

RESTART = at(4, BrokerRestart(), for_s=4)
EMPTIED = at(4, BrokerRestart(empty=True), for_s=4)
KILL = at(4, ClientKill())
SLOW = at(4, Latency(latency_ms=300), for_s=4)
DOWN = at(4, Down(), for_s=4)
DROP = at(4, SilentDrop())
STANDING = at(0, NatIdleExpiry(idle_s=5), for_s=40)


def scenario(*steps: Step, task_s: float = 0.25, **limits: Any) -> Scenario:
    schedule = Schedule(steps)
    return Scenario(
        name="literal",
        title="A literal history",
        on_cloud_run="-",
        guide_promises="-",
        must_hold="-",
        schedule=schedule,
        workload=Workload(for_s=1000, task_s=task_s),
        limits=Limits(**limits),
        route=schedule.route or Route.DIRECT,
    )


def holding(waiting: Sequence[int], unacked: Mapping[int, float]) -> Holdings:
    """Messages of those stories; `unacked` says when each was delivered, as the load counts."""
    return Holdings(
        waiting=tuple(Waiting(queue="celery", story_id=f"s{n}", task_id=f"t{n}") for n in waiting),
        unacked=tuple(
            Unacked(story_id=f"s{n}", task_id=f"t{n}", delivered_s=WALL_S + LOAD_T + at)
            for n, at in unacked.items()
        ),
    )


def held_at(
    at: float,
    when: Literal["before-fault", "after-fault", "end"],
    holdings: Holdings,
    *,
    step: int | None = None,
) -> Held:
    return Held(
        t=LOAD_T + at, when=when, step=step, holdings=holdings, visibility_timeout_s=VISIBILITY_S
    )


class Run:
    """A history under construction. Every method adds events and answers the run itself."""

    def __init__(
        self,
        *,
        until: float = 40.0,
        ended: bool = True,
        booted: bool = True,
        speed: float = 1.0,
    ) -> None:
        self.until = until
        self.events: list[AnyEvent] = [
            ClockSet(t=0.0, speed=speed, wall_s=WALL_S),
            Phase(t=0.0, name="boot"),
        ]
        self.samples: dict[str, dict[float, AnyEvent]] = {}
        for service in ("api", "worker"):
            self.events.append(InstancePhase(t=0.5, service=service, phase="start"))
        if booted:
            self.events += [
                Op(t=40.0, f="submit", type="invoke", story=-1),
                Op(t=40.5, f="submit", type="ok", story=-1, story_id="warm", latency_s=0.5),
                Task(t=41.0, event="start", story_id="warm", attempt=1),
                Task(t=42.0, event="end", story_id="warm", attempt=1, outcome="ok"),
                Op(t=43.0, f="await", type="ok", story=-1, story_id="warm"),
                Phase(t=LOAD_T, name="load"),
            ]
        if ended:
            self.events.append(Phase(t=LOAD_T + until, name="end"))
        self.readings = [Holdings(), Holdings()]
        """What the broker holds a second before the end, and then."""
        for second in range(int(until) + 1):
            self.queue(second, 0).health("api", second, 200).health("worker", second, 200)

    def add(self, *events: AnyEvent) -> Run:
        self.events += events
        return self

    def story(
        self,
        number: int,
        *,
        at: float,
        post_s: float = 0.125,
        answer: Literal["ok", "fail", "info"] | None = "ok",
        start: float | None = None,
        end: float | None = None,
        outcome: Literal["ok", "error"] = "ok",
        published: bool = True,
        by: str = "",
    ) -> Run:
        """A POST, and what the ledger says of it, if anything; `by` names the instance."""
        t = LOAD_T + at
        if answer == "ok" and published:
            self.message("published", number, at=at + post_s)
        self.add(Op(t=t, f="submit", type="invoke", story=number))
        if answer:
            known = f"s{number}" if answer == "ok" else None
            self.add(
                Op(
                    t=t + post_s,
                    f="submit",
                    type=answer,
                    story=number,
                    story_id=known,
                    latency_s=post_s,
                )
            )
        return self.execution(number, start=start, end=end, outcome=outcome, by=by)

    def execution(
        self,
        number: int,
        *,
        attempt: int = 1,
        start: float | None = None,
        end: float | None = None,
        outcome: Literal["ok", "error"] = "ok",
        task: str | None = None,
        by: str = "",
    ) -> Run:
        line = Task(
            t=0,
            event="start",
            story_id=f"s{number}",
            attempt=attempt,
            task_id=task or f"t{number}",
            instance=by,
        )
        if start is not None:
            self.add(replace(line, t=LOAD_T + start))
        if end is not None:
            self.add(replace(line, t=LOAD_T + end, event="end", outcome=outcome))
        return self

    def message(
        self,
        phase: Literal["published", "received"],
        number: int,
        *,
        at: float,
        task: str | None = None,
        service: str = "api",
        redelivered: bool = False,
    ) -> Run:
        """A line of the ledger on a story's message."""
        return self.add(
            MessagePhase(
                t=LOAD_T + at,
                phase=phase,
                story_id=f"s{number}",
                task_id=task or f"t{number}",
                service=service,
                redelivered=redelivered,
            )
        )

    def held(
        self,
        *,
        waiting: Sequence[int] = (),
        unacked: Mapping[int, float] | None = None,
        **more: Any,
    ) -> Run:
        """What the broker holds at the end: stories, of `unacked` with when they were delivered."""
        self.readings = [holding(waiting, unacked or {}, **more)] * 2
        return self

    def reading(
        self,
        when: Literal["before-fault", "after-fault"],
        *,
        at: float,
        step: int = 0,
        waiting: Sequence[int] = (),
        unacked: Mapping[int, float] | None = None,
    ) -> Run:
        """What it holds around a step of the schedule."""
        return self.add(held_at(at, when, holding(waiting, unacked or {}), step=step))

    def steady(self, first: int, last: int, *, number: int = 1000) -> Run:
        """A story each second, done half a second later."""
        for second in range(first, last):
            self.story(number + second, at=second, start=second + 0.25, end=second + 0.5)
        return self

    def awaited(self, number: int, *, at: float) -> Run:
        return self.add(
            Op(t=LOAD_T + at, f="await", type="ok", story=number, story_id=f"s{number}")
        )

    def skip(self, number: int, *, at: float, task: str | None = None) -> Run:
        task = task or f"t{number}"
        return self.add(
            Task(t=LOAD_T + at, event="skip", story_id=f"s{number}", attempt=2, task_id=task)
        )

    def queue(self, at: float, queued: int, *, unacked: int = 0, up: bool = True) -> Run:
        """What the broker's sample of that second shows (it replaces the usual one)."""
        self.samples.setdefault("broker", {})[at] = Broker(
            t=LOAD_T + at, up=up, queues={"celery": queued} if up else {}, unacked=unacked
        )
        return self

    def queued(self, first: int, last: int, *, queued: int = 1, unacked: int = 0) -> Run:
        for second in range(first, last):
            self.queue(second, queued, unacked=unacked)
        return self

    def health(
        self,
        service: str,
        at: float,
        status: int | None,
        *,
        latency_s: float = 0.0,
        of: str = "",
    ) -> Run:
        """What the service's health port said in that second; `of` names an instance of several."""
        self.samples.setdefault(of or service, {})[at] = Health(
            t=LOAD_T + at, service=service, instance=of, status=status, latency_s=latency_s
        )
        return self

    def sick(
        self, service: str, first: int, last: int, status: int | None = 503, *, of: str = ""
    ) -> Run:
        for second in range(first, last):
            self.health(service, second, status, of=of)
        return self

    def unsampled(self, what: str, first: float, last: float) -> Run:
        """Drop the samples strictly between the two."""
        kept = {t: e for t, e in self.samples[what].items() if not first < t < last}
        self.samples[what] = kept
        return self

    def instance(
        self,
        service: str,
        phase: Literal["start", "sigterm", "liveness-kill", "exit"],
        *,
        at: float,
        of: str = "",
    ) -> Run:
        code = -9 if phase == "exit" else None
        return self.add(
            InstancePhase(t=LOAD_T + at, service=service, instance=of, phase=phase, code=code)
        )

    def frozen(self, service: str, first: float, last: float, *, of: str = "") -> Run:
        """No process of it ran from the one moment to the other."""
        at = {"service": service, "instance": of}
        self.add(Freezing(t=LOAD_T + first, phase="freeze", **at))
        return self.add(Freezing(t=LOAD_T + last, phase="thaw", **at))

    def fault(
        self,
        step: int,
        *,
        begin: float,
        end: float | None = None,
        name: str = "fault",
        late_s: float = 0.0,
    ) -> Run:
        t = LOAD_T + begin
        self.add(
            FaultPhase(t=t, phase="begin", step=step, name=name, plane="broker", late_s=late_s)
        )
        if end is not None:
            self.add(FaultPhase(t=LOAD_T + end, phase="end", step=step, name=name, plane="broker"))
        return self

    def bite(self, step: int, *, at: float, bit: bool = True, **numbers: float) -> Run:
        t, seen = LOAD_T + at, "on the wire"
        return self.add(Bite(t=t, step=step, name="fault", bit=bit, seen=seen, numbers=numbers))

    def open(self, *, at: float, link: str) -> Run:
        return self.add(Connections(t=LOAD_T + at, link=link, open=3, opened=3, closed=0))

    def cut(self, *, at: float, link: str = "worker-broker") -> Run:
        return self.add(Connections(t=LOAD_T + at, link=link, open=0, opened=0, closed=3))

    def log(self, what: Literal["connection-lost", "error"], line: str, *, at: float) -> Run:
        return self.add(Log(t=LOAD_T + at, service="worker", what=what, line=line))

    def history(self) -> History:
        samples = [event for kind in self.samples.values() for event in kind.values()]
        first, last = self.readings
        ends = [held_at(self.until - 1, "end", first), held_at(self.until, "end", last)]
        return History([*self.events, *samples, *ends])

    def judge(self, *steps: Step, task_s: float = 0.25, **limits: Any) -> dict[str, Finding]:
        found = judge(self.history(), scenario(*steps, task_s=task_s, **limits))
        return {finding.checker: finding for finding in found}
