"""One run's history as a drawing needs it: stories, faults, strips and counts on one time axis.

Pure: History in, Timeline out, O(n log n) in the events. Times are seconds after the load
started (after the boot began, for a run that never came to its load).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Literal

import msgspec

from stallproof.clock import lenient_s
from stallproof.events import Broker, FaultPhase, Health, InstancePhase, Phase
from stallproof.history import History
from stallproof.model import Schedule
from stallproof.records import RunRecord
from stallproof.report.flow import Flow, flow_of
from stallproof.report.lanes import Lanes
from stallproof.report.stories import Outcome, Story, read_stories

HealthState = Literal["well", "sick", "mute"]
UNSEEN_S = 5.0
UNSEEN_REAL_S = 1.5
"""A sample speaks for the time until the next, but for no longer than this (where the system's
time is faster, than that in real time)."""


class Band(msgspec.Struct, frozen=True, kw_only=True):
    """A fault in force; `end` None: done in an instant. `undone` False: it never ended."""

    step: int
    name: str
    begin: float
    end: float | None
    undone: bool = True


class Stretch(msgspec.Struct, frozen=True, kw_only=True):
    """A service's health port gave the same answer from `begin` to `end`."""

    begin: float
    end: float
    state: HealthState
    said: str


class Depth(msgspec.Struct, frozen=True):
    """A broker sample; `up` False: it did not answer."""

    t: float
    queued: int
    unacked: int
    up: bool


class Recovery(msgspec.Struct, frozen=True, kw_only=True):
    """From when work was wanted after a fault to its first start, or to the watch's end."""

    step: int
    begin: float
    end: float
    recovered: bool


class Restart(msgspec.Struct, frozen=True, kw_only=True):
    t: float
    phase: Literal["start", "sigterm", "liveness-kill", "exit"]
    code: int | None


class Timeline(msgspec.Struct, frozen=True, kw_only=True):
    begin: float
    end: float
    loaded: bool
    """Whether the run came to its load, and 0 is the moment it began."""
    stories: tuple[Story, ...]
    bands: tuple[Band, ...]
    recoveries: tuple[Recovery, ...]
    health: dict[str, tuple[Stretch, ...]]
    """By line of the drawing: a service, or the second of its instances at a time."""
    depths: tuple[Depth, ...]
    flow: tuple[Flow, ...]
    instances: dict[str, tuple[Restart, ...]]

    @property
    def outcomes(self) -> Counter[Outcome]:
        """How many stories came to which end."""
        return Counter(story.outcome for story in self.stories)


def timeline(history: History, run: RunRecord) -> Timeline:
    """Everything the drawing shows. The run tells which faults last and what recovery took."""
    load_t = next((p.t for p in history.of(Phase) if p.name == "load"), None)
    zero = load_t or 0.0
    end = history.end_t - zero
    bands = _bands(history, run.scenario.schedule, zero, end)
    stories = read_stories(history, zero, run.fates)
    lanes = Lanes([*history.of(Health), *history.of(InstancePhase)])
    unseen_s = lenient_s(UNSEEN_S, speed=run.speed, real_s=UNSEEN_REAL_S)
    return Timeline(
        begin=0.0,
        end=max(end, 1.0),
        loaded=load_t is not None,
        stories=stories,
        bands=bands,
        recoveries=_recoveries(run, bands, end),
        health={
            lane: _stretches(samples, zero, unseen_s=unseen_s)
            for lane, samples in lanes.sort(history.of(Health)).items()
        },
        depths=tuple(
            Depth(e.t - zero, sum(e.queues.values()), e.unacked, e.up) for e in history.of(Broker)
        ),
        flow=flow_of(stories, max(end, 1.0)),
        instances={
            lane: tuple(Restart(t=e.t - zero, phase=e.phase, code=e.code) for e in phases)
            for lane, phases in lanes.sort(history.of(InstancePhase)).items()
        },
    )


def _bands(history: History, schedule: Schedule, zero: float, end: float) -> tuple[Band, ...]:
    begun = {e.step: e for e in history.of(FaultPhase) if e.phase == "begin"}
    ended = {e.step: e.t - zero for e in history.of(FaultPhase) if e.phase == "end"}
    lasting = {i for i, step in enumerate(schedule.steps) if step.fault.lasting}
    return tuple(
        Band(
            step=step,
            name=event.name,
            begin=event.t - zero,
            end=ended.get(step, end if step in lasting else None),
            undone=step in ended or step not in lasting,
        )
        for step, event in sorted(begun.items(), key=lambda item: item[1].t)
    )


def _recoveries(run: RunRecord, bands: Iterable[Band], end: float) -> tuple[Recovery, ...]:
    """What the recovery checker measured, step by step: its numbers, and none of our own.

    It counts from the moment there was work to do, which may be later than the fault's end, and
    leaves out a step that a later one hides.
    """
    numbers = next((f.numbers for f in run.findings if f.checker == "recovery"), {})
    found = []
    for band in bands:
        begin = numbers.get(f"step_{band.step}_wanted_s")
        if begin is not None:
            took = numbers[f"step_{band.step}_first_start_s"]
            until = end if took is None else begin + took
            found.append(
                Recovery(step=band.step, begin=begin, end=until, recovered=took is not None)
            )
    return tuple(found)


def _stretches(samples: Iterable[Health], zero: float, *, unseen_s: float) -> tuple[Stretch, ...]:
    """Runs of equal answers; where nothing was sampled, nothing is claimed."""
    ordered = list(samples)
    found: list[Stretch] = []
    for sample, following in zip(ordered, [*ordered[1:], None], strict=True):
        begin = sample.t - zero
        until = begin + 1.0 if following is None else following.t - zero
        end = min(until, begin + unseen_s)
        state: HealthState = (
            "mute" if sample.status is None else "well" if sample.status == 200 else "sick"
        )
        said = "no answer" if sample.status is None else str(sample.status)
        last = found[-1] if found else None
        if last is not None and last.said == said and begin - last.end < 0.001:
            found[-1] = msgspec.structs.replace(last, end=end)
        else:
            found.append(Stretch(begin=begin, end=end, state=state, said=said))
    return tuple(found)
