"""What became of each story: when it was accepted, worked on and done, as the history tells."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Literal

import msgspec

from stallproof.events import Op, Task
from stallproof.fate import Cause, Fate
from stallproof.history import History

Outcome = Literal["done", "twice", "waiting", "lost", "unfinished", "refused", "unanswered"]


class Work(msgspec.Struct, frozen=True):
    """One attempt at a story; `end` None: nobody saw it end."""

    start: float
    end: float | None


class Story(msgspec.Struct, frozen=True, kw_only=True):
    number: int
    invoked: float
    accepted: float | None
    work: tuple[Work, ...]
    done: float | None
    """When it was done last; None: not by the end of the watch."""
    outcome: Outcome


def read_stories(history: History, zero: float, fates: Iterable[Fate]) -> tuple[Story, ...]:
    """The client's stories in the order they were submitted; the warm-up's are left out."""
    tasks: dict[str, list[Task]] = defaultdict(list)
    for task in history.of(Task):
        tasks[task.story_id].append(task)
    invoked: dict[int, float] = {}
    answer: dict[int, Op] = {}
    seen_done: dict[int, float] = {}
    for op in history.of(Op):
        if op.story < 0:
            continue
        if op.f == "submit" and op.type == "invoke":
            invoked[op.story] = op.t
        elif op.f == "submit":
            answer[op.story] = op
        elif op.type == "ok":
            seen_done[op.story] = op.t
    fate_of = {fate.story: fate for fate in fates}
    stories = []
    for number, since in sorted(invoked.items(), key=lambda item: item[1]):
        submit = answer.get(number)
        accepted = submit.t if submit is not None and submit.type == "ok" else None
        story_id = submit.story_id if submit is not None else None
        events = tasks.get(story_id, []) if story_id is not None else []
        ends = [e.t for e in events if e.event == "end" and e.outcome == "ok"]
        done = ends[-1] if ends else seen_done.get(number)
        stories.append(
            Story(
                number=number,
                invoked=since - zero,
                accepted=None if accepted is None else accepted - zero,
                work=_work(events, zero),
                done=None if done is None else done - zero,
                outcome=_outcome(submit, executions=len(ends), done=done is not None),
            )
        )
    return tuple(_placed(story, fate_of.get(story.number)) for story in stories)


def _outcome(submit: Op | None, *, executions: int, done: bool) -> Outcome:
    if executions > 1:
        return "twice"
    if done:
        return "done"
    if submit is None or submit.type == "info":
        return "unanswered"
    return "refused" if submit.type == "fail" else "unfinished"


def _placed(story: Story, fate: Fate | None) -> Story:
    """Say of what is not done whether it is lost or waits, where its fate tells."""
    if story.outcome != "unfinished" or fate is None:
        return story
    if fate.cause.lost:
        return msgspec.structs.replace(story, outcome="lost")
    held = fate.cause in (Cause.QUEUED, Cause.UNACKED)
    return msgspec.structs.replace(story, outcome="waiting") if held else story


def _work(events: list[Task], zero: float) -> tuple[Work, ...]:
    """Pair each start with its end. The first end of a process after its start is that one's."""
    work = []
    ends = [e for e in events if e.event == "end"]
    for start in (e for e in events if e.event == "start"):
        end = next(
            (
                e
                for e in ends
                if e.t >= start.t and e.attempt == start.attempt and e.pid == start.pid
            ),
            None,
        )
        if end is not None:
            ends.remove(end)
        work.append(Work(start.t - zero, None if end is None else end.t - zero))
    return tuple(work)
