"""What each bound is held against, and the finding that says whether it held. Pure."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from stallproof.gate.thresholds import Bounds, Thresholds
from stallproof.model import Verdict, worst
from stallproof.records import Finding, Results, RunRecord
from stallproof.results import summarize

CHECKER = "thresholds"


class Measure(msgspec.Struct, frozen=True):
    """One number of a run."""

    of: Callable[[RunRecord], float | None]
    """None: it was not measured."""
    timed: bool = True
    """An overloaded machine makes it look worse than the system is."""


def _number(checker: str, key: str) -> Callable[[RunRecord], float | None]:
    def read(run: RunRecord) -> float | None:
        return next((f.numbers.get(key) for f in run.findings if f.checker == checker), None)

    return read


def _accept_failed_percent(run: RunRecord) -> float | None:
    rate = _number("accept", "error_rate")(run)
    return None if rate is None else 100 * rate


def _duplicated_percent(run: RunRecord) -> float | None:
    twice, executed = (_number("duplicated", key)(run) for key in ("duplicated", "executed"))
    return 100 * twice / executed if twice is not None and executed else None


MEASURES = {
    "boot_s": Measure(lambda run: run.boot_s),
    "recovery_s": Measure(_number("recovery", "first_start_s")),
    "drain_s": Measure(_number("recovery", "drain_s")),
    "stall_s": Measure(_number("stalled", "longest_s")),
    "hidden_stall_s": Measure(_number("health", "hidden_stall_s")),
    "accept_p95_s": Measure(_number("accept", "p95_s")),
    "accept_slowest_s": Measure(_number("accept", "slowest_s")),
    "accept_failed_percent": Measure(_accept_failed_percent),
    "lost_stories": Measure(_number("lost", "lost"), timed=False),
    "unfinished_stories": Measure(_number("unfinished", "unfinished"), timed=False),
    "duplicated_percent": Measure(_duplicated_percent, timed=False),
}


def held_against(results: Results, thresholds: Thresholds) -> Results:
    """The same results with a finding `thresholds` in every run that measured anything.

    Invalid: a bound is exceeded, or unknown where the number depends on time and the harness did
    not keep up. A number that was not measured is passed over: the checker that owes it says why.
    """
    runs = (run for result in results.results for run in result.runs)
    judged = (_judged(run, thresholds.of(run.scenario.name)) for run in runs)
    return summarize(judged, run_dir=results.run_dir)


def _judged(run: RunRecord, bounds: Bounds) -> RunRecord:
    kept_up = all(f.verdict is Verdict.VALID for f in run.findings if f.checker == "observed")
    said: list[str] = []
    verdicts = [Verdict.VALID]
    numbers: dict[str, float | None] = {}
    for name, allowed in bounds.named().items():
        measure = MEASURES.get(name)
        measured = None if measure is None else measure.of(run)
        if measure is None or measured is None:
            continue
        numbers[name] = measured
        if measured > allowed:
            withheld = measure.timed and not kept_up
            verdicts.append(Verdict.UNKNOWN if withheld else Verdict.INVALID)
            excuse = " (no verdict: the harness did not keep up)" if withheld else ""
            said.append(f"{name}: measured {measured:.4g}, allowed {allowed:.4g}{excuse}")
    if not numbers:
        return run
    text = "; ".join(said) or f"all {len(numbers)} bounds hold"
    verdict = worst(verdicts)
    finding = Finding(checker=CHECKER, verdict=verdict, text=f"{text}.", numbers=numbers)
    return msgspec.structs.replace(
        run, findings=(*run.findings, finding), verdict=worst([run.verdict, verdict])
    )
