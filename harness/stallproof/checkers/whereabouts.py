"""`lost` and `unfinished`: what became of every accepted story, and where the others stand."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from stallproof.checkers.facts import Facts
from stallproof.checkers.holding import blind, held_at_end
from stallproof.checkers.wording import count, share
from stallproof.fate import Cause
from stallproof.model import Verdict
from stallproof.records import Finding

KEYS = {
    "in_work": Cause.RUNNING,
    "waiting": Cause.QUEUED,
    "unacked": Cause.UNACKED,
    "never_published": Cause.NEVER_PUBLISHED,
    "popped": Cause.POPPED,
    "dropped": Cause.DROPPED,
    "lost_with_data": Cause.LOST_WITH_DATA,
    "killed": Cause.KILLED,
    "untraced": Cause.UNTRACED,
    "unknown": Cause.UNKNOWN,
}
"""The numbers of both findings that count stories by cause."""


@dataclass(frozen=True)
class Whereabouts:
    """Where the unfinished stories stand when the watch ends."""

    counts: Counter[Cause]
    blind: str
    """Why the broker's messages at the end are not all known; empty when they are."""
    may_be_lost: int
    """In work at the very end, with no message that would bring them back."""

    @property
    def unfinished(self) -> int:
        return self.counts.total()

    @property
    def surely_lost(self) -> int:
        return sum(n for cause, n in self.counts.items() if cause.lost)

    @property
    def most_lost(self) -> int:
        return self.surely_lost + self.may_be_lost


def whereabouts(facts: Facts) -> Whereabouts:
    held = held_at_end(facts)
    return Whereabouts(
        counts=Counter(fate.cause for fate in facts.fates),
        blind=blind(facts),
        may_be_lost=sum(
            fate.cause is Cause.RUNNING and fate.story_id not in held for fate in facts.fates
        ),
    )


def lost(facts: Facts) -> Finding:
    """No accepted story vanished.

    Reads Op, Task, MessagePhase, Held, Broker, FaultPhase, InstancePhase. An accepted story (POST
    ok) that was not done when the watch ended, did not fail, is not in work, and of which neither
    a queue nor `unacked` holds a message is lost; `causes.fates_of` says of each where it went. A
    story that only an outbox still knows counts as lost: it had the whole settling time to be
    published.

    Valid: no more than `limits.lost`. Invalid: more. Unknown: nothing was accepted; or stories
    are unfinished of which nobody knows where they are, because the broker's messages at the end
    are not all known; or the answer hangs on stories that were in work at the very end, whose
    message was acknowledged early. O(n log n).

    Numbers (stories):
        accepted, unfinished: POSTs answered 202; those not done at the end.
        lost: surely nowhere; None where it is not known of all.
        in_work: started at the end, possibly still running.
        waiting: in a queue.  unacked: they come back after the visibility timeout.
        never_published, popped, dropped, lost_with_data, killed, untraced: those lost, by cause.
        unknown: they may be in the broker, which could not be read, or lost.
        unknown_accepted: POSTs of which nobody knows whether they were accepted.
    """
    where = whereabouts(facts)
    unknown_accepted = sum(story.answer == "info" for story in facts.stories)
    numbers: dict[str, float | None] = {
        "lost": None if where.counts[Cause.UNKNOWN] else where.surely_lost,
        "accepted": len(facts.accepted),
        "unfinished": where.unfinished,
        **{key: where.counts[cause] for key, cause in KEYS.items()},
        "unknown_accepted": unknown_accepted,
    }
    limit = facts.limits.lost
    if not facts.accepted:
        verdict, text = Verdict.UNKNOWN, "no story was accepted: none could be lost"
    elif not where.unfinished:
        verdict, text = (
            Verdict.VALID,
            f"all {count(len(facts.accepted), 'accepted story')} done when the watch ended",
        )
    elif where.surely_lost > limit:
        verdict = Verdict.INVALID
        text = (
            f"{share(where.surely_lost, len(facts.accepted), 'accepted story')} lost "
            f"(limit {limit}): {_told(where, lost=True)}"
        )
    elif where.counts[Cause.UNKNOWN]:
        verdict = Verdict.UNKNOWN
        text = f"{count(where.counts[Cause.UNKNOWN], 'story')} not done, and {where.blind}"
    elif where.most_lost > limit:
        verdict = Verdict.UNKNOWN
        text = f"{count(where.may_be_lost, 'story')} still in work when the watch ended"
    else:
        verdict = Verdict.VALID
        text = (
            f"{share(where.surely_lost, len(facts.accepted), 'accepted story')} lost "
            f"(limit {limit}); not done: {_told(where)}"
        )
    if unknown_accepted:
        text += f"; nobody knows of {count(unknown_accepted, 'POST')} whether it was accepted"
    return Finding(checker="lost", verdict=verdict, text=f"{text}.", numbers=numbers)


def unfinished(facts: Facts) -> Finding:
    """Every accepted story was done when the watch ended, whatever the reason if not.

    Reads what `lost` reads. Valid: all done. Invalid: any is not; the text says where they
    stand. Unknown: nothing was accepted. O(n log n).

    Numbers (stories):
        unfinished, accepted; failed: the last attempt ended in error.
        nowhere: lost, as `lost` has it; None: not known of all.
        in_work, waiting, unacked, never_published, popped, dropped, lost_with_data, killed,
        untraced, unknown: by cause, as `lost` has them.
    """
    where = whereabouts(facts)
    accepted = len(facts.accepted)
    numbers: dict[str, float | None] = {
        "unfinished": where.unfinished,
        "accepted": accepted,
        "failed": where.counts[Cause.FAILED],
        "nowhere": None if where.counts[Cause.UNKNOWN] else where.surely_lost,
        **{key: where.counts[cause] for key, cause in KEYS.items()},
    }
    if not accepted:
        verdict, text = Verdict.UNKNOWN, "no story was accepted"
    elif where.unfinished:
        verdict = Verdict.INVALID
        text = (
            f"{share(where.unfinished, accepted, 'accepted story')} not done when the watch "
            f"ended: {_told(where)}"
        )
    else:
        verdict, text = (
            Verdict.VALID,
            f"all {count(accepted, 'accepted story')} done when the watch ended",
        )
    return Finding(checker="unfinished", verdict=verdict, text=f"{text}.", numbers=numbers)


def _told(where: Whereabouts, *, lost: bool = False) -> str:
    """`3 popped and never registered, 2 in the queue`; with `lost` only what is lost."""
    return ", ".join(
        f"{where.counts[cause]} {cause}"
        for cause in Cause
        if where.counts[cause] and (cause.lost or not lost)
    )
