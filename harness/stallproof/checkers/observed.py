"""`observed`: did the harness itself keep up."""

from __future__ import annotations

from itertools import pairwise

from stallproof.checkers.facts import SERVICES, Facts
from stallproof.checkers.wording import count, seconds
from stallproof.events import Broker, FaultPhase, Health, NotSent, Op
from stallproof.model import Verdict
from stallproof.records import Finding

LATE_S = 1.0
LATE_S = 1.0
LATE_REAL_S = 0.25
"""A fault may be done (or undone), a story sent, this long after its scheduled time; at a higher
speed than 1 also as late as that in real time."""
GAP_S = 5.0
GAP_REAL_S = 1.5
"""Two samples of a kind may lie this far apart, likewise."""


def observed(facts: Facts) -> Finding:
    """The harness acted on time and looked often enough for its findings to mean something.

    Reads Phase, FaultPhase, Op, NotSent, Broker, Health. Valid: no fault was done or undone, and
    no story that tells of it sent, more than 1 s late; no story was left unsent; from load to end
    the broker and each service's health were sampled with no gap over 5 s (the edges count); and
    the run reached its end. Where system time is faster than real time the machine is not: it may
    be a quarter of a real second late, and samples may lie 1.5 real seconds apart, where that is
    more. Unknown: any of this does not hold: an overloaded machine gives no verdict. Never
    invalid. O(n).

    Numbers:
        latest_s: the most that a fault was late by (0 without faults).
        story_latest_s: the most that a story was late by, where the driver tells.
        not_sent: stories whose moment came when the driver could send no more.
        broker_gap_s, api_gap_s, worker_gap_s: the longest gap between samples.
        ended: 1 if the run reached its end, 0 if the history was cut short.
    """
    late_s = facts.lenient_s(LATE_S, real_s=LATE_REAL_S)
    most_s = facts.lenient_s(GAP_S, real_s=GAP_REAL_S)
    phases = facts.of(FaultPhase)
    latest = max(phases, key=lambda phase: phase.late_s, default=None)
    gaps_s = {
        "broker": _gap_s(facts, [sample.t for sample in facts.of(Broker)]),
        **{s: _gap_s(facts, [h.t for h in facts.of(Health) if h.service == s]) for s in SERVICES},
    }
    story_latest_s = max((op.late_s for op in facts.of(Op) if op.late_s is not None), default=0.0)
    not_sent = len(facts.of(NotSent))
    numbers: dict[str, float | None] = {
        "latest_s": latest.late_s if latest else 0.0,
        "story_latest_s": story_latest_s,
        "not_sent": not_sent,
        **{f"{what}_gap_s": gap_s for what, gap_s in gaps_s.items()},
        "ended": int(facts.ended),
    }
    wrong = [
        f"no sample of the {what} for {seconds(gap_s)} (at most {most_s:g} s)"
        for what, gap_s in gaps_s.items()
        if gap_s > most_s
    ]
    if latest and latest.late_s > late_s:
        wrong.insert(
            0,
            f"the {latest.phase} of {latest.name} came {seconds(latest.late_s)} late "
            f"(at most {late_s:g} s)",
        )
    if story_latest_s > late_s:
        wrong.append(f"a story was sent {seconds(story_latest_s)} late (at most {late_s:g} s)")
    if not_sent:
        wrong.append(f"{count(not_sent, 'story')} not sent")
    if facts.load_t is None:
        wrong.insert(0, "the load never began")
    if not facts.ended:
        wrong.insert(0, "the history was cut short")
    if wrong:
        verdict, text = Verdict.UNKNOWN, "; ".join(wrong)
    else:
        verdict = Verdict.VALID
        text = (
            f"faults at most {seconds(numbers['latest_s'] or 0.0)} late, "
            f"samples at most {seconds(max(gaps_s.values()))} apart"
        )
    return Finding(checker="observed", verdict=verdict, text=f"{text}.", numbers=numbers)


def _gap_s(facts: Facts, sample_ts: list[float]) -> float:
    """The longest time in the judged window without a sample, its edges included."""
    if facts.load_t is None:
        return 0.0
    inside = [t for t in sample_ts if t >= facts.load_t]
    edges = [facts.load_t, *inside, facts.end_t]
    return max(b - a for a, b in pairwise(edges))
