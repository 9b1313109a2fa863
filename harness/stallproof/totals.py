"""What a whole set of runs comes to, counted from the records of its runs."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from stallproof.checkers.again import Reason
from stallproof.checkers.duplicated import REASONS
from stallproof.checkers.whereabouts import KEYS
from stallproof.fate import Cause
from stallproof.tally import Spent, Tally

if TYPE_CHECKING:
    from stallproof.records import Finding, RunRecord

CONFIDENCE = 0.95


def tallies(records: Iterable[RunRecord]) -> tuple[Tally, ...]:
    """One for each profile, stack and site, in the order they first appear."""
    groups: dict[tuple[str, str, str], list[RunRecord]] = {}
    for record in records:
        groups.setdefault((record.profile, record.stack, record.site), []).append(record)
    return tuple(_tally(key, runs) for key, runs in groups.items())


def _tally(key: tuple[str, str, str], runs: Sequence[RunRecord]) -> Tally:
    kept = [finding for run in runs for finding in run.findings if finding.checker == "unfinished"]
    twice = [finding for run in runs for finding in run.findings if finding.checker == "duplicated"]
    causes = {**KEYS, "failed": Cause.FAILED}
    by_cause = Counter({cause: _sum(kept, name) for name, cause in causes.items()})
    by_reason = Counter({reason: _sum(twice, name) for name, reason in REASONS.items()})
    accepted = _sum(kept, "accepted")
    lost = sum(n for cause, n in by_cause.items() if cause.lost)
    return Tally(
        profile=key[0],
        stack=key[1],
        site=key[2],
        runs=len(kept),
        accepted=accepted,
        unfinished=_sum(kept, "unfinished"),
        lost=lost,
        unknown=by_cause[Cause.UNKNOWN],
        lost_at_most=at_most(lost + by_cause[Cause.UNKNOWN], accepted),
        causes={cause.value: by_cause[cause] for cause in Cause if by_cause[cause]},
        executed=_sum(twice, "executed"),
        duplicated=_sum(twice, "duplicated"),
        again=by_reason.total(),
        reasons={reason.value: by_reason[reason] for reason in Reason if by_reason[reason]},
        refused=_sum(twice, "skipped_again"),
        spent=sum((run.spent for run in runs if run.spent is not None), start=Spent()),
    )


def _sum(findings: Iterable[Finding], name: str) -> int:
    return int(sum(finding.numbers.get(name) or 0 for finding in findings))


def at_most(hits: int, n: int) -> float | None:
    """The one-sided exact upper bound (Clopper and Pearson, 95 %) of the share that `hits` of `n`
    tells of: 3 / n or so where there are none. None: n is 0.
    """
    from scipy.stats import binomtest  # noqa: PLC0415 (half a second to import)

    if n == 0:
        return None
    found = binomtest(hits, n, alternative="less").proportion_ci(CONFIDENCE, method="exact")
    return float(found.high)


def wall_s(records: Iterable[RunRecord]) -> float | None:
    """From the first run's start to the last one's end; None: none of them ever started."""
    spans = [
        (began := dt.datetime.fromisoformat(run.started_at).timestamp(), began + run.seconds)
        for run in records
        if run.started_at
    ]
    return max(end for _, end in spans) - min(begin for begin, _ in spans) if spans else None
