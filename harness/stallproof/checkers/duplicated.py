"""`duplicated`: was any story executed to the end twice."""

from __future__ import annotations

from collections import Counter

from stallproof.checkers.again import Reason, again_of
from stallproof.checkers.facts import Facts
from stallproof.checkers.wording import count, share
from stallproof.model import Verdict
from stallproof.records import Finding

REASONS = {
    "republished": Reason.REPUBLISHED,
    "after_timeout": Reason.TIMEOUT,
    "put_back": Reason.PUT_BACK,
    "sent_twice": Reason.SENT_TWICE,
    "forgotten": Reason.FORGOTTEN,
    "unexplained": Reason.UNEXPLAINED,
}
"""The numbers that count deliveries by reason."""


def duplicated(facts: Facts) -> Finding:
    """No story was executed to the end more than once.

    Reads Task (and Op, to leave the warm-up out), and, for why a story was delivered again,
    MessagePhase and Held. Counts each story id of the ledger, also
    those whose POST nobody saw accepted. Starting again after a worker died is no harm by
    itself: only two `end ok` are. Valid: no more than `limits.duplicated` such stories.
    Invalid: more. Unknown: the ledger tells of no end at all. O(n log n).

    Numbers:
        duplicated: stories with two `end ok` or more.
        executed: stories with one at least.
        executions: `end ok` lines in all.
        restarted: stories started more than once.
        skipped: deliveries (not stories) that the worker refused as duplicates.
        skipped_again: those of them that were not the first of their story.
        republished, after_timeout, put_back, sent_twice, forgotten, unexplained: deliveries that
            were not the first of their story, by reason (`again.Reason`).
    """
    tales = [tale for story, tale in facts.ledger.items() if story not in facts.warmup_ids]
    twice = sum(len(tale.ok_ts) >= 2 for tale in tales)
    executed = sum(bool(tale.ok_ts) for tale in tales)
    restarted = sum(len(tale.attempts) >= 2 for tale in tales)
    skipped = sum(tale.skips for tale in tales)
    again = again_of(facts)
    reasons = Counter(one.reason for one in again)
    numbers: dict[str, float | None] = {
        "duplicated": twice,
        "executed": executed,
        "executions": sum(len(tale.ok_ts) for tale in tales),
        "restarted": restarted,
        "skipped": skipped,
        "skipped_again": sum(one.refused for one in again),
        **{name: reasons[reason] for name, reason in REASONS.items()},
    }
    limit = facts.limits.duplicated
    if not executed:
        verdict, text = Verdict.UNKNOWN, "the ledger tells of no story executed to the end"
    else:
        verdict = Verdict.INVALID if twice > limit else Verdict.VALID
        text = (
            f"{share(twice, executed, 'executed story')} executed to the end more than once "
            f"(limit {limit}); {restarted} started again, {count(skipped, 'duplicate')} refused"
        )
    if again:
        told = ", ".join(f"{reasons[reason]} {reason}" for reason in Reason if reasons[reason])
        text += f"; delivered again: {told}"
    return Finding(checker="duplicated", verdict=verdict, text=f"{text}.", numbers=numbers)
