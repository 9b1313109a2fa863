"""All runs together, in words: what was lost, what came twice, what the time went to."""

from __future__ import annotations

from stallproof.records import Results
from stallproof.report.words import NONE, count, joined, seconds
from stallproof.tally import Spent, Tally

SHARES = {
    "fault_s": "faults in force",
    "recovery_s": "recovering from them",
    "load_s": "load without either",
    "settle_s": "settling",
    "boot_s": "boot",
    "warmup_s": "warm-up",
    "teardown_s": "teardown and judging",
}


def lost_text(tally: Tally) -> str:
    """`0 of 2113 accepted stories lost in 42 runs, with 95 % confidence less than 0.14 %`."""
    said = f"{tally.lost} of {count(tally.accepted, 'accepted story')} lost in " + count(
        tally.runs, "run"
    )
    if tally.unknown:
        said += f", {tally.unknown} more of which nobody knows"
    if tally.lost_at_most is not None:
        said += (
            f", with 95 % confidence less than {tally.lost_at_most * 100:.2g} % (one-sided, exact, "
            "as if each story met its luck alone)"
        )
    if tally.unfinished:
        said += f"; not done: {_listed(tally.causes)}"
    return f"{said}."


def again_text(tally: Tally) -> str:
    """Deliveries after a story's first: why, and what came of them."""
    said = f"{tally.duplicated} of {count(tally.executed, 'executed story')} executed twice"
    if not tally.again:
        return f"{said}; none was delivered again."
    started = tally.again - tally.refused
    return (
        f"{said}; delivered again {count(tally.again, 'time')}: {_listed(tally.reasons)}; "
        f"{tally.refused} refused by the claim, {started} started."
    )


def spent_of(results: Results) -> Spent:
    return sum((tally.spent for tally in results.tallies), start=Spent())


def time_text(results: Results) -> str:
    """How long it all took, and the share of each part."""
    spent = spent_of(results)
    wall = NONE if results.wall_s is None else seconds(results.wall_s)
    runs = count(sum(result.n for result in results.results), "run")
    return f"{wall} for {runs}, {seconds(spent.whole_s)} one after another: {shares_text(spent)}."


def shares_text(spent: Spent) -> str:
    whole_s = spent.whole_s
    if not whole_s:
        return "nothing is known of what it went to"
    return joined(
        [f"{getattr(spent, name) / whole_s * 100:.0f} % {word}" for name, word in SHARES.items()]
    )


def _listed(counts: dict[str, int]) -> str:
    return joined([f"{n} {what}" for what, n in counts.items()])
