"""What a load cost, process by process, and what bounds it. Pure: it reads a history, no more."""

from __future__ import annotations

from collections import defaultdict

import msgspec

from stallproof.events import Cpu, Op, Phase, Task
from stallproof.history import History

FULL = 0.9
"""So much of a processor, or of the pool, in use on average, and there is no more to be had."""
POOL = "worker pool "


class Cost(msgspec.Struct, frozen=True, kw_only=True):
    """Means over the load: from its start until the last story was sent."""

    stories: int
    """Accepted in that time."""
    ms_each: dict[str, float]
    """Processor time by role, in milliseconds a story."""
    busiest: str
    busiest_share: float
    """Of one core."""
    cores: float
    """Used by the whole run,"""
    others: float
    """and by everything else on this machine."""
    machine: int
    """Cores that there are."""
    at_work: float
    """Stories in work at a time,"""
    slots: int
    """and pool processes to work on them."""

    @property
    def bound(self) -> str:
        """What is used up, in words."""
        if self.busiest_share >= FULL:
            return f"{self.busiest}: {self.busiest_share:.0%} of a core"
        if self.slots and self.at_work >= FULL * self.slots:
            return f"the worker's pool: {self.at_work:.1f} of {self.slots} processes at work"
        if self.cores + self.others >= FULL * self.machine:
            return (
                f"the machine: {self.cores:.1f} cores for this run and {self.others:.1f} for "
                f"others, of {self.machine}"
            )
        return "nothing that is measured here"


def cost_of(history: History, *, machine: int) -> Cost | None:
    """What the load of this run cost; None: nothing was accepted, or nothing was sampled."""
    moments = {phase.name: phase.t for phase in history.of(Phase)}
    begin, end = moments.get("load", 0.0), moments.get("settle", history.end_t)
    samples = [cpu for cpu in history.of(Cpu) if begin + 1 <= cpu.t <= end]
    stories = sum(
        op.f == "submit" and op.type == "ok" and op.story >= 0 and begin <= op.t <= end
        for op in history.of(Op)
    )
    if not samples or not stories:
        return None
    shares: dict[str, float] = defaultdict(float)
    for sample in samples:
        for name, share in sample.shares.items():
            shares[name] += share / len(samples)
    roles: dict[str, float] = defaultdict(float)
    for name, share in shares.items():
        roles[name.rstrip("0123456789 ")] += share
    busiest = max(shares, key=lambda name: shares[name])
    per_s = stories / (end - begin)
    return Cost(
        stories=stories,
        ms_each={role: share / per_s * 1000 for role, share in sorted(roles.items())},
        busiest=busiest,
        busiest_share=shares[busiest],
        cores=sum(shares.values()),
        others=sum(sample.others for sample in samples) / len(samples),
        machine=machine,
        at_work=_at_work(history, begin, end),
        slots=sum(name.startswith(POOL) for name in shares),
    )


def _at_work(history: History, begin: float, end: float) -> float:
    """The mean number of stories in work; one whose end nobody saw counts until then."""
    started: dict[tuple[str, int], float] = {}
    busy_s = 0.0
    for task in history.of(Task):
        key = (task.story_id, task.attempt)
        if task.event == "start":
            started[key] = task.t
        elif task.event == "end" and key in started:
            busy_s += max(min(task.t, end) - max(started.pop(key), begin), 0.0)
    busy_s += sum(max(end - max(t, begin), 0.0) for t in started.values())
    return busy_s / (end - begin)


def cost_text(cost: Cost) -> str:
    """Two sentences for a person."""
    each = ", ".join(f"{role} {ms:.1f}" for role, ms in cost.ms_each.items())
    return (
        f"Processor time a story, ms: {each}; together {sum(cost.ms_each.values()):.1f}. "
        f"Busiest process: {cost.busiest}, {cost.busiest_share:.0%} of a core; "
        f"{cost.at_work:.1f} of {cost.slots} pool processes at work; "
        f"{cost.others:.1f} of {cost.machine} cores used by others on this machine."
    )
