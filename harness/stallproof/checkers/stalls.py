"""When the system stood still: work waited, a hand was free, no fault was in force, no start.

`stalled` judges how long that was, `health` whether the worker admitted it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from stallproof.checkers.lives import same
from stallproof.checkers.spans import Span, deep, depth, intersect, split, subtract, union

if TYPE_CHECKING:
    from stallproof.checkers.facts import Facts


def idle_spans(facts: Facts) -> list[Span]:
    """The spans of the load and after in which work waited and nothing moved.

    The clock of each starts at the later of the last delivery taken (start or skip), the end
    of the last fault, the moment the worker had a hand free, and the moment work waited.
    O(n log n).
    """
    waiting = intersect(facts.window, waiting_spans(facts))
    still = subtract(subtract(waiting, facts.fault_spans), busy_spans(facts))
    instants = [fault.begin_t for fault in facts.faults if fault.end_t == fault.begin_t]
    return split(still, [*facts.taken_ts, *instants])


def waiting_spans(facts: Facts) -> list[Span]:
    """When there was work to start.

    That is: a message in a queue; or a story accepted, not in work, and done or failed only
    later; or one that was never done, while it may lie in `unacked` or the broker did not
    answer. A story that was never done and is nowhere in the broker waits for nothing: it is
    lost, not stalled.
    """
    task_s = facts.scenario.workload.task_s
    over_later: list[Span] = []
    never_over: list[Span] = []
    for story in facts.accepted:
        assert story.accepted_t is not None
        over_t = story.over_t
        life = [(story.accepted_t, facts.end_t if over_t is None else over_t)]
        (never_over if over_t is None else over_later).extend(
            subtract(life, facts.in_work(story.tale.attempts, at_most_s=task_s))
        )
    in_queue = facts.broker_spans(lambda sample: sample.up and sum(sample.queues.values()) > 0)
    unacked = facts.broker_spans(lambda sample: sample.up and sample.unacked > 0)
    may_be_held = intersect(never_over, [*unacked, *unseen_spans(facts)])
    return union([*in_queue, *over_later, *may_be_held])


def unseen_spans(facts: Facts) -> list[Span]:
    """When the broker did not answer, or was not asked."""
    return subtract(facts.window, facts.broker_spans(lambda sample: sample.up))


def busy_spans(facts: Facts) -> list[Span]:
    """When every hand of the workers was full: one instance had as many tasks in work as one was
    ever seen to end, and so had all others that were up and not told to end.

    A task counts as in work for no longer than the workload says it takes: one that hangs
    is no excuse for standing still.
    """
    attempts = [attempt for tale in facts.ledger.values() for attempt in tale.attempts]
    hands = {
        life: [a for a in attempts if same(a.instance, life.instance) and _in(a.start_t, life.span)]
        for life in facts.lives("worker")
    }
    capacity = max(
        depth((a.start_t, a.end_t) for a in of_one if a.end_t is not None)
        for of_one in hands.values()
    )
    task_s = facts.scenario.workload.task_s
    full, free = [], []
    for life, of_one in hands.items():
        at_work = deep(facts.in_work(of_one, at_most_s=task_s), max(1, capacity))
        at_work = intersect(at_work, [life.span])
        full += at_work
        free += subtract([life.service_span], at_work)
    return subtract(full, free)


def _in(t: float, span: Span) -> bool:
    return span[0] <= t < span[1]


def reachable_spans(facts: Facts) -> list[Span]:
    """When a worker in order would have seen that it should work.

    Work stood in a queue, or the broker did not answer. A message in `unacked` may be a dead
    worker's, out of reach until the visibility timeout: the living one cannot know of it.
    """
    in_queue = facts.broker_spans(lambda sample: sample.up and sum(sample.queues.values()) > 0)
    return union([*in_queue, *unseen_spans(facts)])
