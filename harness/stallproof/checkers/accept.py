"""`accept`: did the API answer, and in time."""

from __future__ import annotations

import math
from collections.abc import Sequence

from stallproof.checkers.facts import Facts
from stallproof.checkers.stories import Story
from stallproof.checkers.wording import seconds, share
from stallproof.model import Verdict
from stallproof.records import Finding


def accept(facts: Facts) -> Finding:
    """POST /stories/ answered in time, and without errors.

    Reads Op (the load's; the warm-up is left out). Each POST counts with the time it took,
    whatever its outcome; one that never completed counts with its age when the watch ended,
    and as an error once that age is over the limit. Valid: the slowest took no longer than
    `limits.accept_s`, and the share of errors (`fail` and `info`) is within
    `limits.accept_error_rate`. Invalid: either is over. Unknown: nothing was POSTed. O(n log n).

    Numbers:
        n: POSTs begun.  ok, fail, info: how they completed.  pending: never did.
        p50_s, p95_s, max_s: of the `ok` ones, nearest rank; None without any.
        slowest_s: of all of them.
        error_rate: 0 to 1.
    """
    posts = facts.stories
    limits = facts.limits
    ok = sorted(s.post_s for s in posts if s.answer == "ok" and s.post_s is not None)
    ages = [facts.end_t - s.invoked_t for s in posts if s.answer is None]
    slowest_s = max([*ages, *(s.post_s for s in posts if s.post_s is not None)], default=None)
    errors = sum(s.answer in ("fail", "info") for s in posts) + len(hanging(facts))
    error_rate = errors / len(posts) if posts else None
    numbers: dict[str, float | None] = {
        "n": len(posts),
        **{kind: sum(s.answer == kind for s in posts) for kind in ("ok", "fail", "info")},
        "pending": len(ages),
        "p50_s": _nearest_rank(ok, 0.5),
        "p95_s": _nearest_rank(ok, 0.95),
        "max_s": ok[-1] if ok else None,
        "slowest_s": slowest_s,
        "error_rate": error_rate,
    }
    if slowest_s is None or error_rate is None:
        return Finding(
            checker="accept", verdict=Verdict.UNKNOWN, text="nothing was POSTed.", numbers=numbers
        )
    bad = slowest_s > limits.accept_s or error_rate > limits.accept_error_rate
    text = (
        f"the slowest POST took {seconds(slowest_s)} (limit {limits.accept_s:g} s); "
        f"{share(errors, len(posts), 'POST')} failed or stayed open "
        f"(limit {limits.accept_error_rate:.1%})"
    )
    return Finding(
        checker="accept",
        verdict=Verdict.INVALID if bad else Verdict.VALID,
        text=f"{text}.",
        numbers=numbers,
    )


def hanging(facts: Facts) -> list[Story]:
    """The POSTs that had no answer when the watch ended, and are over the limit by then."""
    limit_s = facts.limits.accept_s
    return [
        story
        for story in facts.stories
        if story.answer is None and facts.end_t - story.invoked_t > limit_s
    ]


def _nearest_rank(ordered: Sequence[float], quantile: float) -> float | None:
    """The smallest value that at least this share of all values do not exceed."""
    return ordered[math.ceil(quantile * len(ordered)) - 1] if ordered else None
