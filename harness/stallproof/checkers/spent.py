"""What the time of a run went to: faults and recoveries, and everything around them."""

from __future__ import annotations

from collections.abc import Iterable

from stallproof.checkers.facts import Facts
from stallproof.checkers.spans import Span, intersect, subtract, union
from stallproof.events import Phase
from stallproof.tally import Spent


def spent_of(facts: Facts, *, whole_s: float) -> Spent:
    """The shares of a run that took `whole_s` real seconds. O(faults x stories + n log n).

    A standing condition is a fault in force. A recovery ends when something was started that was
    wanted after the fault, and every story that was accepted by its end is done; one that never
    ends goes on to the end of the watch. While another fault is in force it is that one's time.
    """
    began = {phase.name: phase.t for phase in facts.of(Phase)}
    load_t = facts.end_t if facts.load_t is None else facts.load_t
    warmup_t = began.get("warmup", load_t)
    settle_t = began.get("settle", facts.end_t)
    faults = intersect(facts.window, union(_in_force(facts)))
    recoveries = subtract(intersect(facts.window, union(_recoveries(facts))), faults)
    rest = subtract(facts.window, union([*faults, *recoveries]))
    settling = intersect(rest, union([(settle_t, facts.end_t)]))
    return Spent(
        boot_s=warmup_t / facts.speed,
        warmup_s=(load_t - warmup_t) / facts.speed,
        load_s=(_length(rest) - _length(settling)) / facts.speed,
        fault_s=_length(faults) / facts.speed,
        recovery_s=_length(recoveries) / facts.speed,
        settle_s=_length(settling) / facts.speed,
        teardown_s=max(0.0, whole_s - facts.end_t / facts.speed),
    )


def _in_force(facts: Facts) -> Iterable[Span]:
    """From when it was to begin, for from then on it is being done."""
    for fault in facts.faults:
        yield fault.due_t, facts.end_t if fault.end_t is None else fault.end_t


def _recoveries(facts: Facts) -> Iterable[Span]:
    for fault in facts.passing_faults:
        if fault.end_t is None:
            continue
        over_ts = [
            facts.end_t if story.over_t is None else story.over_t
            for story in facts.accepted
            if story.accepted_t is not None and story.accepted_t <= fault.end_t
        ]
        yield fault.end_t, max(over_ts, default=fault.end_t)
        wanted_t = min(
            (s.invoked_t for s in facts.stories if s.invoked_t >= fault.end_t), default=None
        )
        if wanted_t is not None:
            started_t = facts.first_start_after(wanted_t, in_hand_at_t=fault.end_t)
            yield wanted_t, facts.end_t if started_t is None else started_t


def _length(spans: Iterable[Span]) -> float:
    return sum(end - start for start, end in spans)
