"""Where each accepted story went that was not done when the watch ended, and what shows it.

Read from three records: the ledger (which message was published, received, started, ended), the
broker's messages by name (at the end, and around the faults that act on it), and the API's own
word. Where none of them shows it and only one thing is left, the evidence says "by elimination".
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from stallproof.checkers.holding import Loss, Seen, blind, held_at_end, losses
from stallproof.checkers.lives import same
from stallproof.checkers.wording import seconds
from stallproof.events import Broker, Log, MessagePhase, Op, Task
from stallproof.fate import Cause, Fate
from stallproof.messages import Unacked

if TYPE_CHECKING:
    from stallproof.checkers.facts import Facts
    from stallproof.checkers.stories import Story

LINE_AT_MOST = 200
"""Characters of a log line that stand among the evidence."""


@dataclass
class Trail:
    """What the ledger says of one story, beyond its attempts."""

    messages: list[MessagePhase] = field(default_factory=list)
    """In order of time."""
    last_start: Task | None = None
    status: str | None = None
    """What the API last said of it."""

    @property
    def later(self) -> list[MessagePhase]:
        """Of messages other than the one that was started last, and after that."""
        if self.last_start is None:
            return self.messages
        start = self.last_start
        return [m for m in self.messages if m.t > start.t and m.task_id != start.task_id]

    @property
    def last_word(self) -> str:
        return f"the API last said: {self.status}" if self.status else ""

    def received(self, seen: Seen) -> MessagePhase | None:
        """The last that a worker said of that message on receiving it."""
        of_it = [m for m in self.messages if m.task_id == seen.message.task_id]
        return next((m for m in reversed(of_it) if m.phase == "received"), None)


@dataclass(frozen=True)
class Records:
    """What is asked for every story, read once."""

    trails: dict[str, Trail]
    held: dict[str, Seen]
    losses: list[Loss]
    blind: str
    kept: bool
    """The system keeps a record of its messages."""


def fates_of(facts: Facts) -> tuple[Fate, ...]:
    """One for each unfinished story, in order of their number. O(n log n).

    The first that applies: failed; held in a queue; in work; held in `unacked`; unknown, where
    the broker could not be read; started last of all, and killed; never published; lost with the
    broker's data; received and not started; popped and not registered.
    """
    if not facts.unfinished:
        return ()
    records = Records(
        trails=_trails(facts),
        held=held_at_end(facts),
        losses=losses(facts),
        blind=blind(facts),
        kept=bool(facts.of(MessagePhase)),
    )
    return tuple(_fate(facts, story, records) for story in facts.unfinished)


def _trails(facts: Facts) -> dict[str, Trail]:
    trails: dict[str, Trail] = defaultdict(Trail)
    for message in facts.of(MessagePhase):
        trails[message.story_id].messages.append(message)
    for task in facts.of(Task):
        if task.event == "start":
            trails[task.story_id].last_start = task
    for op in facts.of(Op):
        if op.story_id is not None and op.status is not None:
            trails[op.story_id].status = op.status
    return trails


def _fate(facts: Facts, story: Story, records: Records) -> Fate:
    assert story.accepted_t is not None
    trail = records.trails.get(story.story_id or "", Trail())
    seen = records.held.get(story.story_id or "")
    cause, evidence = _in_sight(facts, story, trail, seen) or _out_of_sight(
        facts, story, trail, records
    )
    back_t = _back_t(facts, seen) if cause is Cause.UNACKED else None
    return Fate(
        story=story.number,
        story_id=story.story_id,
        accepted_s=facts.into_load_s(story.accepted_t),
        cause=cause,
        evidence="; ".join(part for part in evidence if part),
        back_s=None if back_t is None else facts.into_load_s(back_t),
    )


def _in_sight(
    facts: Facts, story: Story, trail: Trail, seen: Seen | None
) -> tuple[Cause, list[str]] | None:
    """Where it is to be seen; None: nowhere."""
    started = _started(facts, story)
    if story.failed_t is not None:
        ended = f"ended in error at {_at(facts, story.failed_t)}"
        return Cause.FAILED, [started, ended, trail.last_word]
    stands = "" if seen is None else _stands(facts, seen)
    if seen is not None and not isinstance(seen.message, Unacked):
        return Cause.QUEUED, [started, stands]
    if _in_work(facts, story):
        return Cause.RUNNING, [started, stands or "no message of it in the broker"]
    if seen is None:
        return None
    first = started or _received(facts, trail, seen)
    return Cause.UNACKED, [first, stands, _whose(facts, trail, seen)]


def _out_of_sight(
    facts: Facts, story: Story, trail: Trail, records: Records
) -> tuple[Cause, list[str]]:
    started = _started(facts, story)
    if records.blind:
        return Cause.UNKNOWN, [started, records.blind]
    if trail.last_start is not None and not trail.later:
        return Cause.KILLED, [started, _killed(facts, trail.last_start), "nobody has its message"]
    if trail.messages:
        return _gone(facts, trail.later[-1], started, records)
    if not records.kept:
        return Cause.UNTRACED, ["no message of it in the broker, and no record of any kept"]
    unanswered = "the broker never answered for a message of it"
    return Cause.NEVER_PUBLISHED, [unanswered, trail.last_word]


def _gone(
    facts: Facts, last: MessagePhase, started: str, records: Records
) -> tuple[Cause, list[str]]:
    """What became of a message that neither the broker nor a worker has, `last` heard of so."""
    told = f"{last.phase} at {_at(facts, last.t)}"
    for loss in records.losses:
        before = loss.before.get(last.story_id)
        gone_before = before is None and loss.before_t is not None and last.t < loss.before_t
        if loss.back_t < last.t or gone_before or last.story_id in loss.after:
            continue
        stood = "" if before is None else _stands(facts, before)
        back = f"not there when the broker was back from {loss.name} at {_at(facts, loss.back_t)}"
        return Cause.LOST_WITH_DATA, [started, told, stood, back]
    nowhere = "at the end in no queue and not in unacked"
    if last.phase == "received":
        return Cause.DROPPED, [started, told, "never started", nowhere, _log_after(facts, last)]
    empty_t = next(
        (b.t for b in facts.of(Broker) if b.t > last.t and b.up and not any(b.queues.values())),
        None,
    )
    empty = "" if empty_t is None else f"the queues were empty at {_at(facts, empty_t)}"
    eliminated = "by elimination popped over a connection that no longer led to a worker"
    return Cause.POPPED, [started, told, empty, "no worker received it", nowhere, eliminated]


def _started(facts: Facts, story: Story) -> str:
    if not story.tale.attempts:
        return ""
    return f"started at {_at(facts, story.tale.attempts[-1].start_t)}"


def _received(facts: Facts, trail: Trail, seen: Seen) -> str:
    """Of a message that nobody started."""
    received = trail.received(seen)
    if received is None:
        return "no worker says that it received it"
    return f"received at {_at(facts, received.t)} and not started"


def _whose(facts: Facts, trail: Trail, seen: Seen) -> str:
    """Whether the worker lives to which it was delivered."""
    delivered_t = _delivered_t(facts, seen)
    if delivered_t is None:
        return ""
    received = trail.received(seen)
    instance = "" if received is None else received.instance
    exit_t = facts.worker_exit_t(instance, since_t=delivered_t)
    if exit_t is None:
        return "the worker has not exited since"
    return f"the worker exited at {_at(facts, exit_t)}"


def _killed(facts: Facts, start: Task) -> str:
    exit_t = facts.worker_exit_t(start.instance, since_t=start.t)
    who = start.instance or "the worker"
    if exit_t is None:
        return f"never ended, though {who} lived: cancelled, or its process alone killed"
    return f"{who} exited at {_at(facts, exit_t)}"


def _log_after(facts: Facts, received: MessagePhase) -> str:
    """The next line of that worker's log that is no good news: it may tell why."""
    bad = ("connection-lost", "error", "warning")
    of_it = (
        log
        for log in facts.of(Log)
        if log.service == "worker" and same(log.instance, received.instance) and log.what in bad
    )
    log = next((log for log in of_it if log.t >= received.t), None)
    return "" if log is None else f"its log then, at {_at(facts, log.t)}: {log.line[:LINE_AT_MOST]}"


def _in_work(facts: Facts, story: Story) -> bool:
    """As long as a task takes and a stall may last: who has been at it for longer is not at it."""
    at_most_s = facts.scenario.workload.task_s + facts.limits.stall_s
    last = story.tale.attempts[-1:]
    spans = facts.in_work(last, at_most_s=at_most_s)
    return bool(spans) and last[0].end_t is None and spans[0][1] >= facts.end_t


def _delivered_t(facts: Facts, seen: Seen) -> float | None:
    """When a message in `unacked` was delivered; None: it is in none, or that is not known."""
    if not isinstance(seen.message, Unacked) or seen.message.delivered_s is None:
        return None
    return facts.t_of(seen.message.delivered_s)


def _back_t(facts: Facts, seen: Seen | None) -> float | None:
    delivered_t = None if seen is None else _delivered_t(facts, seen)
    if seen is None or delivered_t is None:
        return None
    return delivered_t + seen.held.visibility_timeout_s


def _stands(facts: Facts, seen: Seen) -> str:
    stood = f"in {seen.where} at {_at(facts, seen.held.t)}"
    delivered_t = _delivered_t(facts, seen)
    return stood if delivered_t is None else f"{stood}, delivered at {_at(facts, delivered_t)}"


def _at(facts: Facts, t: float) -> str:
    return seconds(facts.into_load_s(t))
