"""Exit codes, the same for every command."""

from __future__ import annotations

from enum import IntEnum

from stallproof.model import Verdict, worst
from stallproof.records import Results
from stallproof.results import harness_failed


class Exit(IntEnum):
    """What a command's exit code means."""

    VALID = 0
    """All that was asked about holds."""
    VIOLATED = 1
    """Something did not hold."""
    USAGE = 2
    """Bad usage: one line on standard error says what, where, and what would be right."""
    INCONCLUSIVE = 3
    """No violation seen, but not everything could be judged."""
    HARNESS = 4
    """The harness or its environment failed: nothing is said about the system."""


def exit_for(results: Results, *, must_hold: tuple[str, ...] = ()) -> Exit:
    """The code for a result; with `must_hold` only those profiles decide.

    A violation counts for more than a harness that failed elsewhere: it was seen.
    """
    deciding = [r for r in results.results if not must_hold or r.profile in must_hold]
    verdict = worst(result.verdict for result in deciding)
    if verdict is Verdict.INVALID:
        return Exit.VIOLATED
    if harness_failed(results):
        return Exit.HARNESS
    return Exit.VALID if verdict is Verdict.VALID else Exit.INCONCLUSIVE
