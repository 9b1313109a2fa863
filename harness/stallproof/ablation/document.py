"""docs/KNOBS.md: from stored runs to the table, and nothing typed in by hand."""

from __future__ import annotations

import datetime as dt
import statistics
from collections.abc import Iterable, Sequence
from math import inf

from stallproof.ablation.cells import KNOBS, Cell, cells_of, runs_of
from stallproof.ablation.knob import DEFAULTS, HARDENED, PROFILES, Knob
from stallproof.ablation.outcome import (
    FIGURES,
    Figure,
    Kind,
    Outcome,
    compare,
    judged,
    shown,
    values,
    violations,
)
from stallproof.model import Verdict
from stallproof.records import Results, RunRecord
from stallproof.report.words import count, joined, seconds
from stallproof.stacks import LOCKED

GOOD = (Kind.DECIDES, Kind.HELPS, Kind.IMPROVES, Kind.MIXED)
ALWAYS_SHOWN = ("first start", "slowest POST", "lost")
"""Of the figures; the others only where they differ between the two sides."""

Told = tuple[Cell, Outcome, Sequence[RunRecord], Sequence[RunRecord]]


def told(results: Results, knobs: Sequence[Knob] = KNOBS) -> list[Told]:
    """The comparisons of which there are runs, each with its outcome and its two sides."""
    answer: list[Told] = []
    for cell in cells_of(knobs):
        on, off = runs_of(cell, results)
        if on and off:
            answer.append((cell, compare(on, off), on, off))
    return answer


def markdown(results: Results, *, command: str) -> str:
    """The whole document, from what is stored with the runs."""
    found = told(results)
    runs = [run for result in results.results for run in result.runs]
    versions = next((run.stack_versions for run in runs if run.stack_versions), {})
    stack = ", ".join(f"{name} {versions[name]}" for name in ("celery", "kombu", "redis"))
    n = max((result.n for result in results.results), default=0)
    sites = joined(sorted({run.site for run in runs}))
    parts = [
        "# Knobs, one at a time",
        (
            f"Written by `{command}`: do not edit it. {stack}, unless a line says otherwise; site "
            f"{sites}; n = {n} runs a side, {count(len(runs), 'run')} in "
            f"{_took_s(runs) / 60:.0f} min. A profile is what it was when the run was made."
        ),
        _READING,
        "## What each knob does",
        _summary(found),
        "## What `hardened` has of it",
        _earned(found),
        "## Every comparison",
        _table(found),
    ]
    untried = [knob for knob in KNOBS if knob.unshown]
    lines = [f"- {_code(knob)}: {knob.unshown}." for knob in untried]
    parts += ["## Not tried", "\n".join(lines)]
    return "\n\n".join(parts) + "\n"


def _took_s(runs: Sequence[RunRecord]) -> float:
    """How long runs went on, side by side; those that never ran know of no start."""
    total_s, until = 0.0, -inf
    for begun, ended in sorted(
        (begun, begun + run.seconds)
        for run in runs
        if run.started_at
        for begun in [dt.datetime.fromisoformat(run.started_at).timestamp()]
    ):
        total_s += max(0.0, ended - max(begun, until))
        until = max(until, ended)
    return total_s


_READING = """\
Each knob is switched **off alone** in the profiles that have it, and **on alone** in
`celery-defaults`, in the scenarios that it claims to help; what only the guide has, also on alone
in `hardened`. Both sides of a comparison run in the same batch. Where Celery's own default is the
knob's value, switching it off means the other value.

What it comes to is told by rule, the first that fits. **decides**: the verdict changes with it,
every run of one side valid and none of the other (or the 95 % Wilson intervals of the two sides
do not meet). **helps**: at least one checker violated in every run without it and in none with it,
though others remain. **harms**: either of these the other way round, or a figure that is worse.
**improves**: the same verdict, and the ranges of a figure lie apart by a story or a second at least
(in compressed time by ten seconds of real time, in which a boot fits on a busy machine).
**unsettled**: some runs of a side are valid and some are not, in another proportion than on the
other side: n is too small to say. Two sides of five runs of the same thing have ranges
apart by chance in 1 of 126 comparisons of a figure, of three in 1 of 10. Runs without a verdict
(the fault did not bite, the machine did not keep up) count on neither side.

*No difference seen* is said of these scenarios and of this n: with five valid runs of five the
interval still reaches from 0 to 43 % of runs that are not."""


def _summary(found: Sequence[Told]) -> str:
    lines = [
        f"| knob | set by | {' | '.join(f'in `{profile}`' for profile in PROFILES)} |",
        "|---" * (2 + len(PROFILES)) + "|",
    ]
    for knob in dict.fromkeys(cell.knob.name for cell, *_ in found):
        mine = [one for one in found if one[0].knob.name == knob]
        cells = [_in_short([one for one in mine if one[0].profile == name]) for name in PROFILES]
        head = mine[0][0].knob
        lines.append(f"| {_code(head)} | {', '.join(head.set_by)} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _in_short(found: Sequence[Told]) -> str:
    """`decides nat-expiry-long; no difference seen in 1 other`."""
    if not found:
        return ""
    parts = []
    for kind in Kind:
        names = [_scenario(cell) for cell, outcome, *_ in found if outcome.kind is kind]
        if names:
            bold = f"**{kind}**" if kind in GOOD or kind is Kind.HARMS else str(kind)
            parts.append(f"{bold}: {', '.join(names)}")
    return "; ".join(parts)


def _earned(found: Sequence[Told]) -> str:
    """Which of hardened's knobs did something there, or only alone, or nowhere."""
    mine = [one for one in found if HARDENED in one[0].knob.set_by]
    knobs = {cell.knob.name: cell.knob for cell, *_ in mine}
    within = _good(mine, HARDENED)
    alone = _good(mine, DEFAULTS) - within
    kinds = {
        "Missed when it is taken away": within,
        "Not missed, because something else in `hardened` does the same; does something alone": (
            alone
        ),
        "Nothing seen of it, so no reason to set it": knobs.keys() - within - alone,
    }
    return "\n".join(
        f"- {said}: {', '.join(_code(knobs[name]) for name in knobs if name in names) or 'none'}."
        for said, names in kinds.items()
    )


def _good(found: Iterable[Told], profile: str) -> set[str]:
    return {
        cell.knob.name
        for cell, outcome, *_ in found
        if cell.profile == profile and outcome.kind in GOOD
    }


def _table(found: Sequence[Told]) -> str:
    lines = [
        "| knob | claims | scenario | in | with it | without it | comes to |",
        "|---|---|---|---|---|---|---|",
    ]
    for cell, outcome, on, off in found:
        kind = f"**{outcome.kind}**" if outcome.kind is not Kind.NOTHING else str(outcome.kind)
        comes_to = f"{kind}: {outcome.by}" if outcome.by else kind
        cells = (
            _code(cell.knob),
            cell.claim.why,
            _scenario(cell),
            cell.profile,
            _side(on, off),
            _side(off, on),
            comes_to,
        )
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _code(knob: Knob) -> str:
    return f"`{knob.name}`"


def _scenario(cell: Cell) -> str:
    stack = cell.claim.stack
    return cell.claim.scenario + ("" if stack == LOCKED else f" on {stack.replace(',', ', ')}")


def _side(runs: Sequence[RunRecord], other: Sequence[RunRecord]) -> str:
    """`5 of 5 valid; first start 0.9 s, slowest POST 0.1 s, lost 0`."""
    with_verdict = judged(runs)
    valid = sum(run.verdict is Verdict.VALID for run in with_verdict)
    said = f"{valid} of {len(with_verdict)} valid"
    if len(with_verdict) < len(runs):
        said += f" ({len(runs) - len(with_verdict)} not judged)"
    if bad := violations(with_verdict):
        said += " (" + ", ".join(
            checker if n == len(with_verdict) else f"{checker} in {n}" for checker, n in bad.items()
        )
        said += ")"
    figures = []
    for figure in FIGURES:
        mine, others = values(with_verdict, figure), values(judged(other), figure)
        if mine and (figure.name in ALWAYS_SHOWN or shown(mine, figure) != shown(others, figure)):
            figures.append(f"{figure.name} {_median(mine, figure)}")
    return "; ".join([said, ", ".join(figures)]) if figures else said


def _median(found: Sequence[float], figure: Figure) -> str:
    middle = statistics.median_low(found)
    if middle == float("inf"):
        return "never"
    return seconds(middle) if figure.is_time else f"{middle:g}"
