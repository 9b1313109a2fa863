"""`lost` and `unfinished`: what became of every accepted story, and where the others stand."""

from __future__ import annotations

from dataclasses import dataclass

from stallproof.checkers.facts import Facts
from stallproof.checkers.observed import GAP_REAL_S, GAP_S
from stallproof.checkers.wording import count, seconds, share
from stallproof.history import Broker
from stallproof.model import Finding, Verdict


@dataclass(frozen=True)
class Whereabouts:
    """Where the unfinished stories stand when the watch ends."""

    unfinished: int
    failed: int
    """Their last attempt ended in error."""
    in_work: int
    """Started, and so lately that they may well still run."""
    queued: int | None
    unacked: int | None
    """Messages in the broker at its last sample; None: it was down, or not seen lately."""
    blind: str
    """Why the broker's state at the end is not known; empty when it is."""

    @property
    def most_lost(self) -> int:
        """Neither failed nor held by the broker. Of early acknowledged ones some may be in work."""
        held = (self.queued or 0) + (self.unacked or 0)
        return max(0, self.unfinished - self.failed - held)

    @property
    def surely_lost(self) -> int:
        return max(0, self.most_lost - self.in_work)


def whereabouts(facts: Facts) -> Whereabouts:
    samples = facts.of(Broker)
    last = samples[-1] if samples else None
    blind = ""
    if last is None:
        blind = "the broker was never sampled"
    elif facts.end_t - last.t > facts.lenient_s(GAP_S, real_s=GAP_REAL_S):
        blind = f"the broker's last sample is {seconds(facts.end_t - last.t)} older than the end"
    elif not last.up:
        blind = "the broker was down when the watch ended"
    seen = None if blind else last
    # As long as a task takes and a stall may last: who has been at it for longer is not at it.
    at_most_s = facts.scenario.workload.task_s + facts.limits.stall_s
    in_work = 0
    for story in facts.unfinished:
        spans = facts.in_work(story.tale.attempts[-1:], at_most_s=at_most_s)
        open_ended = bool(spans) and story.tale.attempts[-1].end_t is None
        in_work += open_ended and spans[0][1] >= facts.end_t
    return Whereabouts(
        unfinished=len(facts.unfinished),
        failed=sum(story.failed_t is not None for story in facts.unfinished),
        in_work=in_work,
        queued=sum(seen.queues.values()) if seen else None,
        unacked=seen.unacked if seen else None,
        blind=blind,
    )


def lost(facts: Facts) -> Finding:
    """No accepted story vanished.

    Reads Op, Task, Broker, InstancePhase. An accepted story (POST ok) that was not done when
    the watch ended, did not fail, and that neither queue nor `unacked` can hold at the broker's
    last sample is lost. Messages have no names here: with u unfinished and h messages held,
    u - h stories at least are lost; a duplicate in the queue can hide one (`unfinished` still
    counts it). A story that only an outbox still knows counts as lost: it had the whole
    settling time to be published.

    Valid: no more than `limits.lost`. Invalid: more. Unknown: nothing was accepted; or stories
    are unfinished and the broker's state at the end is not known; or the answer hangs on stories
    that were in work at the very end, whose message may have been acknowledged early. O(n log n).

    Numbers (stories, unless said otherwise):
        accepted, unfinished: POSTs answered 202; those not done at the end.
        lost: surely nowhere.  in_work: started at the end, possibly still running.
        waiting: messages in the queues at the end, which somebody would still have to start.
        unacked: messages held for a worker: they come back after the visibility timeout.
        unknown_accepted: POSTs of which nobody knows whether they were accepted.
    """
    where = whereabouts(facts)
    unknown_accepted = sum(story.answer == "info" for story in facts.stories)
    numbers: dict[str, float | None] = {
        "lost": None if where.blind and where.unfinished else where.surely_lost,
        "accepted": len(facts.accepted),
        "unfinished": where.unfinished,
        "in_work": where.in_work,
        "waiting": where.queued,
        "unacked": where.unacked,
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
    elif where.blind:
        verdict = Verdict.UNKNOWN
        text = f"{count(where.unfinished, 'story')} not done, and {where.blind}"
    elif where.surely_lost > limit:
        verdict = Verdict.INVALID
        text = (
            f"{share(where.surely_lost, len(facts.accepted), 'accepted story')} lost: not done, "
            f"in no queue, in no worker's hands (limit {limit})"
        )
    elif where.most_lost > limit:
        verdict = Verdict.UNKNOWN
        text = f"{count(where.in_work, 'story')} still in work when the watch ended"
    else:
        verdict = Verdict.VALID
        text = (
            f"{share(where.surely_lost, len(facts.accepted), 'accepted story')} lost "
            f"(limit {limit}); {_standing(where)}"
        )
    if unknown_accepted:
        text += f"; nobody knows of {count(unknown_accepted, 'POST')} whether it was accepted"
    return Finding(checker="lost", verdict=verdict, text=f"{text}.", numbers=numbers)


def unfinished(facts: Facts) -> Finding:
    """Every accepted story was done when the watch ended, whatever the reason if not.

    Reads what `lost` reads. Valid: all done. Invalid: any is not; the text says where they
    stand. Unknown: nothing was accepted. O(n log n).

    Numbers (stories, unless said otherwise):
        unfinished, accepted; failed: the last attempt ended in error.
        waiting, unacked: messages in the broker at the end; None: not known.
        nowhere: neither failed, nor in work, nor held by the broker; None: not known.
    """
    where = whereabouts(facts)
    accepted = len(facts.accepted)
    numbers: dict[str, float | None] = {
        "unfinished": where.unfinished,
        "accepted": accepted,
        "failed": where.failed,
        "waiting": where.queued,
        "unacked": where.unacked,
        "nowhere": None if where.blind else where.surely_lost,
    }
    if not accepted:
        verdict, text = Verdict.UNKNOWN, "no story was accepted"
    elif where.unfinished:
        verdict = Verdict.INVALID
        text = (
            f"{share(where.unfinished, accepted, 'accepted story')} not done when the watch "
            f"ended: {_standing(where)}"
        )
    else:
        verdict, text = (
            Verdict.VALID,
            f"all {count(accepted, 'accepted story')} done when the watch ended",
        )
    return Finding(checker="unfinished", verdict=verdict, text=f"{text}.", numbers=numbers)


def _standing(where: Whereabouts) -> str:
    failed = f"{where.failed} failed, {where.in_work} in work"
    if where.blind:
        return f"{failed}, the others not known ({where.blind})"
    return (
        f"{failed}, {where.surely_lost} nowhere; the broker held {where.queued} in its queues "
        f"and {where.unacked} unacknowledged"
    )
