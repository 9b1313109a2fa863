"""What the broker held, by name: at the end of the watch, and around the faults that empty it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from stallproof.checkers.wording import count
from stallproof.events import Held
from stallproof.messages import Holdings, Unacked, Waiting

if TYPE_CHECKING:
    from stallproof.checkers.facts import Facts


@dataclass(frozen=True)
class Seen:
    """A story's message where it stood."""

    held: Held
    message: Waiting | Unacked

    @property
    def where(self) -> str:
        if isinstance(self.message, Unacked):
            return "unacked"
        priority = f", priority {self.message.priority}" if self.message.priority else ""
        return f"the queue {self.message.queue}{priority}"


@dataclass(frozen=True)
class Loss:
    """The broker came back without something for which it had answered."""

    name: str
    back_t: float
    before_t: float | None
    """When it was read by name right before it went; None: it was not, or not all of it."""
    before: dict[str, Seen]
    """By story, what it held then."""
    after: dict[str, Seen]
    """And right after it came back."""


def held_at_end(facts: Facts) -> dict[str, Seen]:
    """By story, its message at the last reading that shows it.

    There are two of them, a second apart: what was just being delivered at one stands in the other.
    """
    found: dict[str, Seen] = {}
    for held in _at_end(facts):
        found |= by_story(held)
    return found


def blind(facts: Facts) -> str:
    """Why a story that is not among those held might be so all the same; empty: it is not."""
    readings = _at_end(facts)
    if not readings:
        return "the broker's messages were not read at the end"
    return _unread(readings[-1].holdings)


def _unread(holdings: Holdings) -> str:
    """What of it could not be read; empty: all could."""
    if holdings.unseen is not None:
        return f"the broker could not be read ({holdings.unseen})"
    unnamed = holdings.not_read + holdings.unreadable
    return f"{count(unnamed, 'message')} of the broker could not be read by name" * bool(unnamed)


def _at_end(facts: Facts) -> list[Held]:
    return [held for held in facts.of(Held) if held.when == "end"]


def by_story(held: Held) -> dict[str, Seen]:
    """Where a reading shows each story; a queue before `unacked` where it is in both."""
    messages: list[Unacked | Waiting] = [*held.holdings.unacked, *held.holdings.waiting]
    return {m.story_id: Seen(held, m) for m in messages if m.story_id is not None}


def losses(facts: Facts) -> list[Loss]:
    """In order of time. By what the faults do; what they did by name, where it was read."""
    steps = facts.scenario.schedule.steps
    readings = {(held.step, held.when): held for held in facts.of(Held)}
    return [
        _loss(
            fault.name,
            facts.end_t if fault.end_t is None else fault.end_t,
            before=readings.get((fault.step, "before-fault")),
            after=readings.get((fault.step, "after-fault")),
        )
        for fault in facts.faults
        if fault.step < len(steps) and steps[fault.step].fault.forgets(facts.scenario.persistence)
    ]


def _loss(name: str, back_t: float, *, before: Held | None, after: Held | None) -> Loss:
    whole = before is not None and not _unread(before.holdings)
    return Loss(
        name=name,
        back_t=back_t,
        before_t=before.t if before is not None and whole else None,
        before={} if before is None else by_story(before),
        after={} if after is None else by_story(after),
    )
