"""`recovery`: how long after a fault until work flowed again, and until the backlog was gone."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from math import inf

from stallproof.checkers.facts import Facts, FaultWindow
from stallproof.checkers.wording import count, seconds
from stallproof.model import Verdict, worst
from stallproof.records import Finding


@dataclass(frozen=True)
class Measured:
    """One interval against its limit."""

    verdict: Verdict
    text: str
    seconds: float | None
    """None: it never came about, or was not to be measured."""
    from_t: float | None = None
    """What it was measured from."""


def recovery(facts: Facts) -> Finding:
    """After each fault work flowed again, and what was in hand was done.

    Reads FaultPhase, Op, Task, MessagePhase. Three things are measured:

    First start, for each step: from the later of the fault's end (its begin, if instantaneous)
    and the first moment there was work on offer (a POST begun, its story not over), to the
    first task start. What the worker had in hand at the fault's end is no such work, and its
    start is none (`starts`), unless no other was on offer. A step that ends while another fault
    is in force, or after which the next fault comes before the limit has run out and before
    anything started, is not judged: the later one is. Limit `first_start_s`.

    Again: for each attempt that never ended, from its start to the start of the story's next:
    what a task that was cut short waits for (the visibility timeout, a lease). Measured, not
    judged: the drain is.

    Drain: from the end of the last fault until every story accepted by then is done. Limit
    `drain_s`.

    Standing conditions are not judged: they are no event to recover from.

    Valid: both within their limits; or no fault was scheduled that passes. Invalid: one is over
    its limit.
    Unknown: no step began, a fault was never undone, nothing was on offer afterwards, or the
    watch ended before the limit had run out. O(faults x stories + n log n).

    Numbers:
        first_start_s: the slowest of all steps; None if one of them never came about.
        step_N_first_start_s: the same for step N of the schedule.
        step_N_wanted_s: what that was measured from, in seconds into the load.
        again_s: the longest of those; left out where there is none.
        drain_s: as above (0: nothing was in hand); None if it never came about.
    """
    if all(step.fault.standing for step in facts.scenario.schedule.steps):
        text = "no fault was scheduled that passes."
        return Finding(checker="recovery", verdict=Verdict.VALID, text=text)
    never_undone = [fault.name for fault in facts.passing_faults if fault.end_t is None]
    if never_undone or not facts.passing_faults:
        why = f"{', '.join(never_undone)} never undone" if never_undone else "no fault began"
        return Finding(checker="recovery", verdict=Verdict.UNKNOWN, text=f"{why}.")

    starts = {fault.step: _first_start(facts, fault) for fault in facts.passing_faults}
    judged = {step: start for step, start in starts.items() if start is not None}
    drain = _drain(facts)
    again_s = _again_s(facts)
    times = [start.seconds for start in judged.values()]
    numbers: dict[str, float | None] = {
        "first_start_s": None if None in times else max(t for t in times if t is not None),
        **{f"step_{step}_first_start_s": start.seconds for step, start in judged.items()},
        **{
            f"step_{step}_wanted_s": facts.into_load_s(start.from_t)
            for step, start in judged.items()
            if start.from_t is not None
        },
        **({} if again_s is None else {"again_s": again_s}),
        "drain_s": drain.seconds,
    }
    verdict = worst([drain.verdict, *(start.verdict for start in judged.values())])
    told = [start for start in judged.values() if start.verdict is not Verdict.VALID]
    if not told:
        told = [max(judged.values(), key=lambda start: start.seconds or 0.0)]
    said = [measured.text for measured in (*told, drain)]
    if again_s is not None:
        said.append(f"a task cut short was started again {seconds(again_s)} after its first start")
    text = "; ".join(said)
    return Finding(checker="recovery", verdict=verdict, text=f"{text}.", numbers=numbers)


def _first_start(facts: Facts, fault: FaultWindow) -> Measured | None:
    """The step's time to the first start; None: a later fault is judged in its stead."""
    assert fault.end_t is not None
    over_t, limit_s = fault.end_t, facts.limits.first_start_s
    others = [other for other in facts.passing_faults if other.step != fault.step]
    if any(o.begin_t <= over_t < o.end_t for o in others if o.end_t is not None):
        return None
    next_t = min((o.begin_t for o in others if o.begin_t > over_t), default=inf)
    in_hand_at_t: float | None = over_t
    from_t = _offered_after(facts, over_t, in_hand_too=False)
    if from_t is None or from_t >= next_t:
        in_hand_at_t = None
        from_t = _offered_after(facts, over_t, in_hand_too=True)
    if from_t is None or from_t >= next_t:
        if next_t < inf:
            return None
        return Measured(Verdict.UNKNOWN, f"nothing was submitted after {fault.name}", None)
    started_t = facts.first_start_after(from_t, in_hand_at_t=in_hand_at_t)
    if next_t <= from_t + limit_s and (started_t is None or started_t >= next_t):
        return None
    if started_t is None:
        watched_s = facts.end_t - from_t
        text = f"after {fault.name} nothing was started in the {seconds(watched_s)} watched"
        verdict = Verdict.INVALID if watched_s > limit_s else Verdict.UNKNOWN
        return Measured(verdict, f"{text} (limit {limit_s:g} s)", None, from_t)
    took_s = started_t - from_t
    return Measured(
        Verdict.INVALID if took_s > limit_s else Verdict.VALID,
        f"first task {seconds(took_s)} after {fault.name} (limit {limit_s:g} s)",
        took_s,
        from_t,
    )


def _offered_after(facts: Facts, t: float, *, in_hand_too: bool) -> float | None:
    """The first moment from `t` on at which a client wanted a story that it did not have.

    Those that the worker started of what it had in hand at `t` count where `in_hand_too` says so.
    """
    in_hand = {s.story_id for s in facts.starts if not in_hand_too and s.was_in_hand(t)}
    moments = []
    for story in facts.stories:
        if story.story_id in in_hand:
            continue
        over_t = story.over_t if story.answer in ("ok", None) else story.answered_t
        if story.invoked_t >= t:
            moments.append(story.invoked_t)
        elif over_t is None or over_t > t:
            return t
    return min(moments, default=None)


def _again_s(facts: Facts) -> float | None:
    waits = [
        later.start_t - earlier.start_t
        for story in facts.stories
        for earlier, later in pairwise(story.tale.attempts)
        if earlier.end_t is None
    ]
    return max(waits, default=None)


def _drain(facts: Facts) -> Measured:
    last_t = max(fault.end_t for fault in facts.passing_faults if fault.end_t is not None)
    limit_s = facts.limits.drain_s
    in_hand = [
        story
        for story in facts.accepted
        if story.accepted_t is not None and story.accepted_t <= last_t
        if story.done_t is None or story.done_t > last_t
    ]
    if not in_hand:
        return Measured(Verdict.VALID, "nothing was in hand at the end of the last fault", 0.0)
    undone = sum(story.done_t is None for story in in_hand)
    said = count(len(in_hand), "story") + " in hand at the end of the last fault"
    if undone:
        watched_s = facts.end_t - last_t
        verdict = Verdict.INVALID if watched_s > limit_s else Verdict.UNKNOWN
        text = f"{said}, {undone} not done in the {seconds(watched_s)} watched"
        return Measured(verdict, f"{text} (limit {limit_s:g} s)", None)
    took_s = max(s.done_t - last_t for s in in_hand if s.done_t is not None)
    return Measured(
        Verdict.INVALID if took_s > limit_s else Verdict.VALID,
        f"{said}, all done {seconds(took_s)} later (limit {limit_s:g} s)",
        took_s,
    )
