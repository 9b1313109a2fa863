"""`duplicated`: was any story executed to the end twice."""

from __future__ import annotations

from stallproof.checkers.facts import Facts
from stallproof.checkers.wording import count, share
from stallproof.model import Finding, Verdict


def duplicated(facts: Facts) -> Finding:
    """No story was executed to the end more than once.

    Reads Task (and Op, to leave the warm-up out). Counts each story id of the ledger, also
    those whose POST nobody saw accepted. Starting again after a worker died is no harm by
    itself: only two `end ok` are. Valid: no more than `limits.duplicated` such stories.
    Invalid: more. Unknown: the ledger tells of no end at all. O(n log n).

    Numbers:
        duplicated: stories with two `end ok` or more.
        executed: stories with one at least.
        executions: `end ok` lines in all.
        restarted: stories started more than once.
        skipped: deliveries (not stories) that the worker refused as duplicates.
    """
    tales = [tale for story, tale in facts.ledger.items() if story not in facts.warmup_ids]
    twice = sum(len(tale.ok_ts) >= 2 for tale in tales)
    executed = sum(bool(tale.ok_ts) for tale in tales)
    restarted = sum(len(tale.attempts) >= 2 for tale in tales)
    skipped = sum(tale.skips for tale in tales)
    numbers: dict[str, float | None] = {
        "duplicated": twice,
        "executed": executed,
        "executions": sum(len(tale.ok_ts) for tale in tales),
        "restarted": restarted,
        "skipped": skipped,
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
    return Finding(checker="duplicated", verdict=verdict, text=f"{text}.", numbers=numbers)
