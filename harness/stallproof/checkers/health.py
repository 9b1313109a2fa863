"""`health`: does GET /health tell the truth."""

from __future__ import annotations

from itertools import pairwise

from stallproof.checkers.facts import SERVICES, Facts
from stallproof.checkers.lives import Life, same
from stallproof.checkers.spans import (
    Span,
    held,
    intersect,
    longest_s,
    subtract,
    total_s,
    union,
)
from stallproof.checkers.stalls import reachable_spans
from stallproof.checkers.wording import seconds
from stallproof.events import Health
from stallproof.model import Verdict
from stallproof.records import Finding

SAMPLE_EVERY_S = 3.0
SAMPLE_EVERY_REAL_S = 0.75
"""On average a sample at least this often (where system time is faster: at least that often in
real time), or nothing can be said."""
FLOWING_S = 5.0
"""Work flows between two deliveries taken no further apart than this."""
FALSE_ALARM_S = 10.0
FALSE_ALARM_REAL_S = 1.5
"""A service in order that does not say so for longer than this is near being killed for it."""


def health(facts: Facts) -> Finding:
    """A stalled worker stops answering 200, a working one does not, and the API always answers.

    Reads Health, Op, Task, Broker, FaultPhase, InstancePhase, Freezing. An answer holds until the
    next; a 200 that took longer than Cloud Run's probe waits (1 s) is none. Where system time is
    faster, an answer has a real second at least, and an alarm 1.5 of them. Three things are
    measured:

    The worker hides a stall: during a stall (what `stalled` calls invalid) with work in a queue
    or the broker out of sight, it answers 200. Silence is honest. Work that only lies in
    `unacked` is not held against it. Each instance answers for itself, a new one starts afresh.
    Limit `unhealthy_after_s`.
    The worker raises a false alarm: anything but 200, while work flows, no fault is in force and
    the instance is neither starting nor told to end. Limit 10 s at a stretch; told from 5 s on.
    The API does not answer 200, restarts apart. A fault is no excuse: its health needs no broker;
    but frozen it cannot answer. Limit 10 s at a stretch.

    Valid: all within their limits. Invalid: one is not. Unknown: less than one sample in 3 s on
    average of either service. O(n log n).

    Numbers:
        hidden_stall_s: the longest time an instance answered 200 during one stall.
        false_alarm_s: the worker's longest stretch.  api_gap_s: the API's longest stretch.
        api_samples, worker_samples: answers and failures to answer, in load and settling.
    """
    samples = {
        service: sum(h.service == service and _judged(facts, h) for h in facts.of(Health))
        for service in SERVICES
    }
    hidden_s = _hidden_stall_s(facts)
    alarm_s = longest_s(_false_alarms(facts))
    gap_s = max(longest_s(silent) for silent in _silences(facts, "api"))
    numbers: dict[str, float | None] = {
        "hidden_stall_s": hidden_s,
        "false_alarm_s": alarm_s,
        "api_gap_s": gap_s,
        **{f"{service}_samples": n for service, n in samples.items()},
    }
    every_s = facts.lenient_s(SAMPLE_EVERY_S, real_s=SAMPLE_EVERY_REAL_S)
    false_alarm_s = facts.lenient_s(FALSE_ALARM_S, real_s=FALSE_ALARM_REAL_S)
    window_s = total_s(facts.window)
    sparse = [s for s, n in samples.items() if n < max(1.0, window_s / every_s)]
    if sparse:
        text = f"too few health samples of the {' and the '.join(sparse)} in {seconds(window_s)}"
        return Finding(checker="health", verdict=Verdict.UNKNOWN, text=f"{text}.", numbers=numbers)
    limit_s = facts.limits.unhealthy_after_s
    bad = hidden_s > limit_s or alarm_s > false_alarm_s or gap_s > false_alarm_s
    said = [
        f"the worker answered 200 for {seconds(hidden_s)} of a stall (limit {limit_s:g} s)"
        if facts.stalls
        else "there was no stall to admit"
    ]
    if alarm_s > FLOWING_S:
        said.append(f"the worker did not answer 200 for {seconds(alarm_s)} while work flowed")
    if gap_s > 0:
        said.append(f"the API did not answer 200 for {seconds(gap_s)}")
    said.append(f"{samples['worker']} worker and {samples['api']} API samples")
    return Finding(
        checker="health",
        verdict=Verdict.INVALID if bad else Verdict.VALID,
        text=f"{'; '.join(said)}.",
        numbers=numbers,
    )


def _judged(facts: Facts, sample: Health) -> bool:
    return facts.load_t is not None and sample.t >= facts.load_t


def _hidden_stall_s(facts: Facts) -> float:
    reachable = reachable_spans(facts)
    lies = [
        intersect(reachable, _answers(facts, "worker", life, ok=True))
        for life in facts.lives("worker")
    ]
    # Stalls that touch are not joined: each is one question, to each instance.
    return max(
        (total_s(intersect([stall], lie)) for stall in facts.stalls for lie in lies), default=0.0
    )


def _false_alarms(facts: Facts) -> list[Span]:
    """By one instance each; touching ones of two instances are not joined."""
    taken = facts.taken_ts
    flowing = union((a, b) for a, b in pairwise(taken) if b - a <= FLOWING_S)
    alarms = [intersect(silent, flowing) for silent in _silences(facts, "worker")]
    return [span for alarm in alarms for span in subtract(alarm, facts.fault_spans)]


def _silences(facts: Facts, service: str) -> list[list[Span]]:
    """For each life: when it did not answer 200 in time, though it was up and not told to end."""
    found = []
    for life in facts.lives(service):
        silent = _answers(facts, service, life, ok=False)
        awake = subtract(silent, _frozen(facts, service, life))
        found.append(intersect(awake, [life.service_span]))
    return found


def _frozen(facts: Facts, service: str, life: Life) -> list[Span]:
    """When it could not answer, and what it was asked just before and after."""
    around_s = facts.answer_s
    return [(a - around_s, b + around_s) for a, b in facts.frozen_spans(service, life.instance)]


def _answers(facts: Facts, service: str, life: Life, *, ok: bool) -> list[Span]:
    """When the instance's health was a timely 200; with `ok` False: was anything else."""
    samples = [
        (sample.t, facts.healthy(sample) is ok)
        for sample in facts.of(Health)
        if sample.service == service and same(sample.instance, life.instance)
    ]
    alive = intersect(facts.window, [life.span])
    return intersect(alive, held(samples, until_t=facts.end_t))
