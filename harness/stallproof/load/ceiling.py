"""How many stories a second are too many, and what is used up by then."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec

from stallproof.load.bounds import Cost
from stallproof.model import Verdict
from stallproof.records import RunRecord

STEP = 1.5
"""From one rate to the next while the ceiling is looked for,"""
CLOSE = 1.1
"""until what held and what did not are this near to each other."""
MOST_TRIALS = 12
COLUMNS = (
    "stories a second",
    "verdict",
    "p95 accept, ms",
    "p95 end to end, ms",
    "drain, s",
    "CPU a story, ms",
    "busiest process",
    "pool at work",
    "cores used by others",
    "not held",
)


class Trial(msgspec.Struct, frozen=True, kw_only=True):
    """A load at one rate, and what came of it."""

    rate_per_s: float
    verdict: Verdict
    broken: tuple[str, ...]
    """What did not hold or could not be judged: checkers' and thresholds' names."""
    numbers: dict[str, float | None]
    cost: Cost | None


class Ceiling(msgspec.Struct, frozen=True, kw_only=True):
    """The rates tried, in order."""

    trials: tuple[Trial, ...]

    @property
    def held(self) -> Trial | None:
        """The highest rate that held, below all that did not."""
        limit = self.failed.rate_per_s if self.failed else float("inf")
        below = [t for t in self.trials if t.verdict is Verdict.VALID and t.rate_per_s < limit]
        return max(below, key=lambda trial: trial.rate_per_s, default=None)

    @property
    def failed(self) -> Trial | None:
        """The lowest rate that did not hold."""
        broken = [trial for trial in self.trials if trial.verdict is not Verdict.VALID]
        return min(broken, key=lambda trial: trial.rate_per_s, default=None)


def find_ceiling(attempt: Callable[[float], Trial], *, first_per_s: float) -> Ceiling:
    """Raise the rate until it does not hold (lower it if it never did), then close in on it."""
    found = Ceiling(trials=())
    rate = first_per_s
    for _ in range(MOST_TRIALS):
        found = Ceiling(trials=(*found.trials, attempt(rate)))
        held, failed = found.held, found.failed
        if failed is None:
            rate *= STEP
        elif held is None:
            rate /= STEP
        elif failed.rate_per_s / held.rate_per_s <= CLOSE:
            break
        else:
            rate = float(round((held.rate_per_s * failed.rate_per_s) ** 0.5, 1))
    return found


def trial_of(rate_per_s: float, run: RunRecord, cost: Cost | None) -> Trial:
    """What one run says."""
    broken = [finding for finding in run.findings if finding.verdict is not Verdict.VALID]
    return Trial(
        rate_per_s=rate_per_s,
        verdict=run.verdict,
        broken=tuple(finding.checker for finding in broken),
        numbers={f.checker: f.numbers.get("seen") for f in run.findings},
        cost=cost,
    )


def markdown(ceiling: Ceiling) -> str:
    """The table of all rates, lowest first, and the answer in a sentence."""
    lines = [f"| {' | '.join(COLUMNS)} |", "|" + "---|" * len(COLUMNS)]
    for trial in sorted(ceiling.trials, key=lambda trial: trial.rate_per_s):
        cells = [f"{trial.rate_per_s:g}", trial.verdict, *_numbers(trial), *_cost(trial.cost)]
        lines.append(f"| {' | '.join(cells)} | {', '.join(trial.broken) or 'none'} |")
    return "\n".join([*lines, "", answer(ceiling), ""])


def answer(ceiling: Ceiling) -> str:
    """The ceiling and what bounds it."""
    held, failed = ceiling.held, ceiling.failed
    if held is None:
        return "No rate that was tried held."
    if failed is None:
        return f"{held.rate_per_s:g} stories a second held; no rate that was tried did not."
    why = failed.cost.bound if failed.cost else "nothing was accepted"
    return (
        f"Ceiling: {held.rate_per_s:g} stories a second held, {failed.rate_per_s:g} did not "
        f"({', '.join(failed.broken)}). Used up at {failed.rate_per_s:g}: {why}."
    )


def _numbers(trial: Trial) -> Sequence[str]:
    names = ("load-p95-accept-ms", "load-p95-end-to-end-ms", "load-drain-s")
    values = [trial.numbers.get(name) for name in names]
    return ["none" if value is None else f"{value:.3g}" for value in values]


def _cost(cost: Cost | None) -> Sequence[str]:
    if cost is None:
        return ["none"] * 4
    return [
        f"{sum(cost.ms_each.values()):.1f}",
        f"{cost.busiest} {cost.busiest_share:.0%}",
        f"{cost.at_work:.1f} of {cost.slots}",
        f"{cost.others:.1f}",
    ]
