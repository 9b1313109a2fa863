"""What the checkers share, derived once from a history: stories, faults in force, stalls.

    facts = Facts(history, scenario)
    facts.stalls      # when work waited and nothing moved, with no fault in force

Reads only what lies before the phase `end`: what teardown does to the system is not the
system's fault. Times are the history's own (seconds); texts use `into_load_s`, which counts
from the start of the load as a schedule does. All of it together is O(n log n).
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from itertools import islice

import msgspec

from stallproof.checkers.causes import fates_of
from stallproof.checkers.lives import Life, lives_of, same
from stallproof.checkers.spans import Span, held, union
from stallproof.checkers.stalls import idle_spans
from stallproof.checkers.starts import Start, read_starts
from stallproof.checkers.stories import Attempt, Story, Tale, read_ledger, read_stories
from stallproof.clock import lenient_s
from stallproof.events import (
    Broker,
    ClockSet,
    FaultPhase,
    Freezing,
    Health,
    InstancePhase,
    MessagePhase,
    Op,
    Phase,
    Task,
)
from stallproof.fate import Fate
from stallproof.history import E, History
from stallproof.model import Scenario
from stallproof.sites.base import Liveness
from stallproof.sites.liveness import ANSWER_REAL_S

SERVICES = ("api", "worker")


@dataclass(frozen=True)
class FaultWindow:
    """A step of the schedule as it really happened."""

    step: int
    name: str
    due_t: float
    """When it was to begin: from here on it may be felt (`begin_t` is when its first step was
    complete; what follows, a change of hands for instance, counts as after it)."""
    begin_t: float
    end_t: float | None
    """When it was undone; equal to `begin_t` for an instantaneous one; None: never undone."""
    standing: bool = False
    """A condition to live with: while it is in force nobody is excused."""


class Facts:
    """A history and its scenario, and what follows from them."""

    def __init__(self, history: History, scenario: Scenario) -> None:
        self.scenario = scenario
        self.limits = scenario.limits
        # Events of the same moment in an order that does not depend on the file's.
        encode = msgspec.json.Encoder().encode
        events = sorted(history.events, key=lambda event: (event.t, encode(event)))
        ends = [e.t for e in events if isinstance(e, Phase) and e.name == "end"]
        self.ended = bool(ends)
        """The run reached its end; False: the history was cut short."""
        self.end_t = ends[0] if ends else max((event.t for event in events), default=0.0)
        self.events = [event for event in events if event.t <= self.end_t]
        self.speed = next((event.speed for event in self.of(ClockSet)), 1.0)
        """Seconds of system time, which is the history's, in a real one."""
        loads = [phase.t for phase in self.of(Phase) if phase.name == "load"]
        self.load_t = loads[0] if loads else None
        """When the load began; None: it never did."""

    def of(self, kind: type[E]) -> list[E]:
        """The events of one kind up to the end of the watch, in order of time."""
        return [event for event in self.events if isinstance(event, kind)]

    def lenient_s(self, limit_s: float, *, real_s: float) -> float:
        """A limit on the harness's own work: at a higher speed the machine works no faster."""
        return lenient_s(limit_s, speed=self.speed, real_s=real_s)

    def into_load_s(self, t: float) -> float:
        """A moment of the history, counted from the start of the load (of the watch, without)."""
        zero_t = self.load_t if self.load_t is not None else self.events[0].t
        return t - zero_t

    def t_of(self, wall_s: float) -> float | None:
        """The history's time at that UNIX time of the system; None: the history does not say."""
        clock = next(iter(self.of(ClockSet)), None)
        return None if clock is None else clock.t + wall_s - clock.wall_s

    @property
    def window(self) -> list[Span]:
        """Load and settling: the time that is judged."""
        return union([(self.load_t, self.end_t)]) if self.load_t is not None else []

    # Stories

    @cached_property
    def ledger(self) -> dict[str, Tale]:
        return read_ledger(self.of(Task))

    @cached_property
    def warmup_ids(self) -> frozenset[str]:
        return frozenset(op.story_id for op in self.of(Op) if op.story < 0 and op.story_id)

    @cached_property
    def stories(self) -> tuple[Story, ...]:
        return read_stories(self.of(Op), self.ledger)

    @cached_property
    def accepted(self) -> tuple[Story, ...]:
        """The stories that the API answered for with 202."""
        return tuple(story for story in self.stories if story.accepted_t is not None)

    @cached_property
    def unfinished(self) -> tuple[Story, ...]:
        """Accepted, and not done when the watch ended."""
        return tuple(story for story in self.accepted if story.done_t is None)

    @cached_property
    def starts(self) -> list[Start]:
        return read_starts(self.of(Task), self.of(MessagePhase))

    def first_start_after(self, t: float, *, in_hand_at_t: float | None = None) -> float | None:
        """The first start after `t`, apart from what the worker had in hand at `in_hand_at_t`."""
        position = bisect_right(self.starts, t, key=lambda start: start.t)
        return next(
            (
                start.t
                for start in islice(self.starts, position, None)
                if in_hand_at_t is None or not start.was_in_hand(in_hand_at_t)
            ),
            None,
        )

    @cached_property
    def taken_ts(self) -> list[float]:
        """When the worker took a delivery: a start, or a skip (a duplicate is work, too)."""
        return [task.t for task in self.of(Task) if task.event in ("start", "skip")]

    @cached_property
    def fates(self) -> tuple[Fate, ...]:
        """What became of each unfinished story: see `causes.fates_of`."""
        return fates_of(self)

    # Faults

    @cached_property
    def faults(self) -> tuple[FaultWindow, ...]:
        """The steps that began, in order of their index."""
        begins: dict[int, FaultPhase] = {}
        ends: dict[int, float] = {}
        for phase in self.of(FaultPhase):
            if phase.phase == "begin":
                begins.setdefault(phase.step, phase)
            else:
                ends[phase.step] = phase.t
        steps = self.scenario.schedule.steps
        windows = []
        for step, begin in sorted(begins.items()):
            end_t = ends.get(step)
            standing = step < len(steps) and steps[step].fault.standing
            if end_t is None or end_t < begin.t:
                lasts = step < len(steps) and steps[step].fault.lasting
                end_t = None if lasts else begin.t
            windows.append(
                FaultWindow(
                    step=step,
                    name=begin.name,
                    due_t=begin.t - begin.late_s,
                    begin_t=begin.t,
                    end_t=end_t,
                    standing=standing,
                )
            )
        return tuple(windows)

    @cached_property
    def passing_faults(self) -> tuple[FaultWindow, ...]:
        """Those after which a system has to recover: all but the standing conditions."""
        return tuple(fault for fault in self.faults if not fault.standing)

    @cached_property
    def fault_spans(self) -> list[Span]:
        """When a fault was in force, standing conditions apart: they excuse nobody."""
        return union(
            (fault.begin_t, fault.end_t if fault.end_t is not None else self.end_t)
            for fault in self.passing_faults
        )

    # Samples

    def broker_spans(self, so: Callable[[Broker], bool]) -> list[Span]:
        """When the broker was so, each sample taken to hold until the next one."""
        return held([(sample.t, so(sample)) for sample in self.of(Broker)], until_t=self.end_t)

    def lives(self, service: str) -> tuple[Life, ...]:
        """The lives of the service's instances, in order of their start."""
        phases = (phase for phase in self.of(InstancePhase) if phase.service == service)
        answers = [h for h in self.of(Health) if h.service == service and self.healthy(h)]
        return lives_of(phases, healthy=answers, load_t=self.load_t, until_t=self.end_t)

    @cached_property
    def answer_s(self) -> float:
        """For how long Cloud Run's probe waits for an answer."""
        return self.lenient_s(Liveness().timeout_s, real_s=ANSWER_REAL_S)

    def healthy(self, answer: Health) -> bool:
        return answer.status == 200 and answer.latency_s <= self.answer_s

    def frozen_spans(self, service: str, instance: str) -> list[Span]:
        """When the instance's processes were stopped by the platform: it could not answer."""
        changes = [
            (change.t, change.phase == "freeze")
            for change in self.of(Freezing)
            if change.service == service and same(change.instance, instance)
        ]
        return held(changes, until_t=self.end_t)

    @cached_property
    def _worker_ends(self) -> dict[str, list[float]]:
        """By instance: when its process ended, of itself or killed."""
        ends: dict[str, list[float]] = {}
        for phase in self.of(InstancePhase):
            if phase.service == "worker" and phase.phase in ("liveness-kill", "exit"):
                ends.setdefault(phase.instance, []).append(phase.t)
        return ends

    def worker_exit_t(self, instance: str, *, since_t: float) -> float | None:
        """When that instance of the worker ended, from `since_t` on; None: it did not."""
        after = (
            ends[position]
            for other, ends in self._worker_ends.items()
            if same(other, instance)
            if (position := bisect_left(ends, since_t)) < len(ends)
        )
        return min(after, default=None)

    # Work in hand

    def in_work(self, attempts: Iterable[Attempt], *, at_most_s: float) -> list[Span]:
        """When the attempts were in work: until their end, or else their instance's exit.

        At most `at_most_s` each: a task that was cancelled, or whose process died alone, never
        writes its end, and must not pass for work for ever.
        """
        spans = []
        for attempt in attempts:
            end_t = attempt.end_t
            if end_t is None:
                end_t = self.worker_exit_t(attempt.instance, since_t=attempt.start_t)
            if end_t is None:
                end_t = self.end_t
            spans.append((attempt.start_t, min(end_t, attempt.start_t + at_most_s)))
        return spans

    @cached_property
    def idle(self) -> list[Span]:
        """When work waited and nothing moved: see `stalls.idle_spans`."""
        return idle_spans(self)

    @cached_property
    def stalls(self) -> list[Span]:
        """The idle spans that are longer than the limit."""
        return [span for span in self.idle if span[1] - span[0] > self.limits.stall_s]
