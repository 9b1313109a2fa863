"""From the records of single runs to the result of them all."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import inf

import msgspec

from stallproof.model import Verdict, worst
from stallproof.records import Finding, Interval, Results, RunRecord, ScenarioResult
from stallproof.totals import tallies, wall_s

_SIZES = {
    "boot": "boot_s",
    "lost": "lost",
    "unfinished": "unfinished",
    "duplicated": "duplicated",
    "stalled": "longest_s",
    "recovery": "first_start_s",
    "accept": "slowest_s",
    "health": "hidden_stall_s",
}
"""By checker the number that says how bad it was; None there: it never came to an end."""


def summarize(records: Iterable[RunRecord], *, run_dir: str) -> Results:
    """Group runs by scenario, profile, stack and site, in the order they first appear."""
    groups: dict[tuple[str, str, str, str], list[RunRecord]] = {}
    runs = list(records)
    for record in runs:
        key = (record.scenario.name, record.profile, record.stack, record.site)
        groups.setdefault(key, []).append(record)
    return Results(
        run_dir=run_dir,
        results=tuple(_result(key, group) for key, group in groups.items()),
        tallies=tallies(runs),
        wall_s=wall_s(runs),
    )


def _result(key: tuple[str, str, str, str], runs: list[RunRecord]) -> ScenarioResult:
    verdicts = [run.verdict for run in runs]
    valid = verdicts.count(Verdict.VALID)
    return ScenarioResult(
        scenario=key[0],
        profile=key[1],
        stack=key[2],
        site=key[3],
        n=len(runs),
        valid=valid,
        invalid=verdicts.count(Verdict.INVALID),
        unknown=verdicts.count(Verdict.UNKNOWN),
        interval=wilson(len(runs) - valid, len(runs)),
        findings=_worst_findings(runs),
        runs=tuple(runs),
    )


def _worst_findings(runs: Sequence[RunRecord]) -> tuple[Finding, ...]:
    by_checker: dict[str, list[Finding]] = {}
    for run in runs:
        for finding in run.findings:
            by_checker.setdefault(finding.checker, []).append(finding)
    answer = []
    for findings in by_checker.values():
        verdict = worst(finding.verdict for finding in findings)
        shown = max((f for f in findings if f.verdict is verdict), key=_size)
        counts = {
            "runs": float(len(findings)),
            "runs_invalid": float(sum(f.verdict is Verdict.INVALID for f in findings)),
        }
        answer.append(msgspec.structs.replace(shown, numbers={**shown.numbers, **counts}))
    return tuple(answer)


def _size(finding: Finding) -> float:
    """Of two findings with the same verdict the one that is higher here is worse."""
    size = finding.numbers.get(_SIZES.get(finding.checker, ""), 0.0)
    return inf if size is None else size


def wilson(hits: int, n: int) -> Interval:
    """The 95 % Wilson interval of `hits` of `n`."""
    from scipy.stats import binomtest  # noqa: PLC0415 (half a second to import)

    found = binomtest(hits, n).proportion_ci(method="wilson")
    return Interval(low=float(found.low), high=float(found.high))


def harness_failed(results: Results) -> bool:
    """Whether any run got no verdict because the harness itself gave way (exit code 4)."""
    return any(
        finding.checker == "harness"
        for result in results.results
        for run in result.runs
        for finding in run.findings
    )
