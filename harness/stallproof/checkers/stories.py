"""Each story's life, joined from the client's operations and the worker's ledger."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Literal

from stallproof.events import Op, Task


@dataclass(frozen=True)
class Attempt:
    """One `start` in the ledger, with the `end` that belongs to it."""

    start_t: float
    end_t: float | None
    """None: the worker never wrote that it ended (killed, cancelled, or still at it)."""
    instance: str = ""
    """Whose it was; empty: not known."""


@dataclass
class Tale:
    """All the ledger says of one story id."""

    attempts: list[Attempt] = field(default_factory=list)
    """In order of their start."""
    ok_ts: list[float] = field(default_factory=list)
    """When it was executed to the end, each time."""
    skips: int = 0
    """Deliveries refused because the story was done or in work elsewhere."""


@dataclass(frozen=True)
class Story:
    """One story of the load, from POST to done."""

    number: int
    story_id: str | None
    invoked_t: float
    answer: Literal["ok", "fail", "info"] | None
    """How the POST completed; None: it never did."""
    answered_t: float | None
    post_s: float | None
    """How long the POST took; None while it has not completed."""
    done_t: float | None
    """First `end ok` in the ledger or `await ok` of the client, whichever came first."""
    told_failed_t: float | None
    """When the API told the client that it failed."""
    tale: Tale

    @property
    def accepted_t(self) -> float | None:
        """When the API said 202; None when it did not, or nobody knows."""
        return self.answered_t if self.answer == "ok" else None

    @property
    def failed_t(self) -> float | None:
        """When its last attempt ended in error, or the API said so: not done, and not lost."""
        if self.done_t is not None:
            return None
        return self.tale.attempts[-1].end_t if self.tale.attempts else self.told_failed_t

    @property
    def over_t(self) -> float | None:
        """When it was done or failed; None: neither."""
        return self.done_t if self.done_t is not None else self.failed_t


def read_ledger(tasks: Iterable[Task]) -> dict[str, Tale]:
    """The ledger's lines by story id. O(n log n)."""
    tales: dict[str, Tale] = defaultdict(Tale)
    starts: dict[tuple[str, int], list[Task]] = defaultdict(list)
    ends: dict[tuple[str, int], list[Task]] = defaultdict(list)
    for task in tasks:
        if task.event == "start":
            starts[task.story_id, task.attempt].append(task)
        elif task.event == "skip":
            tales[task.story_id].skips += 1
        else:
            ends[task.story_id, task.attempt].append(task)
            if task.outcome == "ok":
                tales[task.story_id].ok_ts.append(task.t)
    for key, started in starts.items():
        tales[key[0]].attempts.extend(_paired(started, ends[key]))
    for tale in tales.values():
        tale.attempts.sort(key=lambda attempt: attempt.start_t)
    return dict(tales)


def _paired(starts: Sequence[Task], ends: Sequence[Task]) -> Iterable[Attempt]:
    """Each start with the first end after it, unless another start came in between."""
    position = 0
    nexts = [*(start.t for start in starts[1:]), float("inf")]
    for start, next_t in zip(starts, nexts, strict=True):
        while position < len(ends) and ends[position].t < start.t:
            position += 1
        end_t = None
        if position < len(ends) and ends[position].t <= next_t:
            end_t = ends[position].t
            position += 1
        yield Attempt(start_t=start.t, end_t=end_t, instance=start.instance)


def read_stories(ops: Iterable[Op], ledger: dict[str, Tale]) -> tuple[Story, ...]:
    """The stories of the load (numbers from 0), in order of their number. O(n log n)."""
    invoked: dict[int, float] = {}
    answers: dict[int, Op] = {}
    awaited: dict[int, float] = {}
    failed: dict[int, float] = {}
    ids: dict[int, str] = {}
    for op in ops:
        if op.story < 0:
            continue
        if op.story_id is not None:
            ids.setdefault(op.story, op.story_id)
        if op.f == "submit" and op.type == "invoke":
            invoked.setdefault(op.story, op.t)
        elif op.f == "submit":
            answers.setdefault(op.story, op)
        elif op.type == "ok":
            awaited.setdefault(op.story, op.t)
        elif op.type == "fail":
            failed.setdefault(op.story, op.t)
    return tuple(
        _story(
            number,
            invoked_t=invoked.get(number),
            answer=answers.get(number),
            awaited_t=awaited.get(number),
            told_failed_t=failed.get(number),
            story_id=ids.get(number),
            tale=ledger.get(ids.get(number, ""), Tale()),
        )
        for number in sorted(invoked.keys() | answers.keys())
    )


def _story(
    number: int,
    *,
    invoked_t: float | None,
    answer: Op | None,
    awaited_t: float | None,
    told_failed_t: float | None,
    story_id: str | None,
    tale: Tale,
) -> Story:
    if invoked_t is None:
        assert answer is not None
        invoked_t = answer.t - (answer.latency_s or 0.0)
    post_s = None
    if answer is not None:
        post_s = answer.latency_s if answer.latency_s is not None else answer.t - invoked_t
    done = [t for t in (awaited_t, *tale.ok_ts[:1]) if t is not None]
    return Story(
        number=number,
        story_id=story_id,
        invoked_t=invoked_t,
        answer=answer.type if answer is not None and answer.type != "invoke" else None,
        answered_t=answer.t if answer is not None else None,
        post_s=post_s,
        done_t=min(done, default=None),
        told_failed_t=told_failed_t,
        tale=tale,
    )
