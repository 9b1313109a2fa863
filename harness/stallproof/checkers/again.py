"""Why a story was delivered more than once, delivery by delivery.

The harness's clients send each POST once, so no delivery is theirs to explain.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from stallproof.checkers.holding import losses
from stallproof.events import Held, MessagePhase, Task

if TYPE_CHECKING:
    from stallproof.checkers.facts import Facts


class Reason(StrEnum):
    """Why a delivery was not the first of its story."""

    REPUBLISHED = "published again by the outbox"
    """Another message of the same story: the reconciler's, or the request's own, which came late
    or whose answer was lost."""
    TIMEOUT = "redelivered after the visibility timeout"
    PUT_BACK = "put back by the worker itself"
    """Sooner than the visibility timeout allows: it lost its connection, was told to end, or
    rejected it."""
    SENT_TWICE = "sent twice by one publish"
    """The same message, and kombu never put it back: the client's retry of its publish."""
    FORGOTTEN = "given out again by a broker that had lost its last writes"
    """Among them that it had been taken, or acknowledged."""
    UNEXPLAINED = "not explained"


@dataclass(frozen=True)
class Again:
    """One delivery of a story after its first."""

    story_id: str
    t: float
    reason: Reason
    refused: bool
    """The claim turned it away; False: work on the story was started again."""


def again_of(facts: Facts) -> list[Again]:
    """Every delivery after the first of each story, the warm-up's apart. O(n log n)."""
    timeout_s = next((held.visibility_timeout_s for held in facts.of(Held)), None)
    back_ts = [loss.back_t for loss in losses(facts)]
    received: dict[str, list[MessagePhase]] = defaultdict(list)
    for message in facts.of(MessagePhase):
        if message.phase == "received":
            received[message.task_id].append(message)
    taken: dict[str, list[Task]] = defaultdict(list)
    for task in facts.of(Task):
        if task.event in ("start", "skip") and task.story_id not in facts.warmup_ids:
            taken[task.story_id].append(task)

    def why(task: Task) -> Reason:
        before = [message for message in received[task.task_id or ""] if message.t <= task.t]
        return _redelivered(before, timeout_s=timeout_s, back_ts=back_ts)

    return [again for tasks in taken.values() for again in _again(tasks, why)]


def _again(tasks: list[Task], why: Callable[[Task], Reason]) -> Iterable[Again]:
    seen = {tasks[0].task_id}
    for task in tasks[1:]:
        if task.task_id is None:
            reason = Reason.UNEXPLAINED
        elif task.task_id not in seen:
            reason = Reason.REPUBLISHED
        else:
            reason = why(task)
        seen.add(task.task_id)
        yield Again(task.story_id, task.t, reason, refused=task.event == "skip")


def _redelivered(
    received: list[MessagePhase], *, timeout_s: float | None, back_ts: list[float]
) -> Reason:
    """Why the same message came once more, from what the workers said on receiving it."""
    if len(received) < 2 or timeout_s is None:
        return Reason.UNEXPLAINED
    first, second = received[-2:]
    if second.redelivered:
        return Reason.TIMEOUT if second.t - first.t >= timeout_s else Reason.PUT_BACK
    forgotten = any(first.t <= back_t <= second.t for back_t in back_ts)
    return Reason.FORGOTTEN if forgotten else Reason.SENT_TWICE
