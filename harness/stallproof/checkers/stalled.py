"""`stalled`: did work wait while nothing moved."""

from __future__ import annotations

from stallproof.checkers.facts import Facts
from stallproof.checkers.spans import total_s
from stallproof.checkers.wording import count, seconds
from stallproof.events import Broker
from stallproof.model import Verdict
from stallproof.records import Finding


def stalled(facts: Facts) -> Finding:
    """Whenever work waited, and no fault was in force, something was started soon.

    Reads Op, Task, Broker, FaultPhase, InstancePhase. When work waits, when the worker counts
    as busy, and when the clock starts: `stalls.idle_spans`. Valid: no such span is longer than
    `limits.stall_s`. Invalid: one is. Unknown: no work was ever seen. O(n log n).

    Numbers:
        longest_s: the longest span (0: none).
        began_s: when it began, in seconds after load started; None: none.
        to_the_end: 1 if it lasted until the watch ended, else 0.
        stalls: how many spans were over the limit.  stalled_s: their length together.
    """
    longest = max(facts.idle, key=lambda span: (span[1] - span[0], -span[0]), default=None)
    limit_s = facts.limits.stall_s
    to_the_end = longest is not None and longest[1] >= facts.end_t
    longest_s = longest[1] - longest[0] if longest is not None else 0.0
    numbers: dict[str, float | None] = {
        "longest_s": longest_s,
        "began_s": facts.into_load_s(longest[0]) if longest is not None else None,
        "to_the_end": int(to_the_end),
        "stalls": len(facts.stalls),
        "stalled_s": total_s(facts.stalls),
    }
    if longest is not None and facts.stalls:
        verdict = Verdict.INVALID
        until = "until the watch ended" if to_the_end else "and then moved again"
        text = (
            f"work waited and nothing was started for {seconds(longest_s)}, from "
            f"{seconds(facts.into_load_s(longest[0]))} into the load {until} (limit {limit_s:g} s; "
            f"{count(len(facts.stalls), 'stall')} in all)"
        )
    elif not facts.accepted and not any(sum(b.queues.values()) for b in facts.of(Broker)):
        verdict, text = Verdict.UNKNOWN, "no work was ever seen: nothing could stall"
    else:
        verdict = Verdict.VALID
        text = f"work never waited for longer than {seconds(longest_s)} (limit {limit_s:g} s)"
    return Finding(checker="stalled", verdict=verdict, text=f"{text}.", numbers=numbers)
