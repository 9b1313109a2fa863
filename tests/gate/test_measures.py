import msgspec
import pytest
from tests.report import samples

from stallproof.exits import Exit, exit_for
from stallproof.gate.measures import CHECKER, MEASURES, held_against
from stallproof.gate.thresholds import Bounds, Thresholds
from stallproof.model import Verdict, worst
from stallproof.records import Finding, Results, RunRecord
from stallproof.report.junit import junit_report
from stallproof.report.summary import summary_report
from stallproof.results import summarize

NUMBERS = {
    "recovery": {"first_start_s": 4.0, "drain_s": 6.0},
    "stalled": {"longest_s": 2.0},
    "health": {"hidden_stall_s": 7.0},
    "accept": {"p95_s": 0.2, "slowest_s": 1.5, "error_rate": 0.1},
    "lost": {"lost": 3.0},
    "unfinished": {"unfinished": 2.0},
    "duplicated": {"duplicated": 1.0, "executed": 8.0},
}
MEASURED = {
    "boot_s": 0.9,
    "recovery_s": 4.0,
    "drain_s": 6.0,
    "stall_s": 2.0,
    "hidden_stall_s": 7.0,
    "accept_p95_s": 0.2,
    "accept_slowest_s": 1.5,
    "accept_failed_percent": 10.0,
    "lost_stories": 3.0,
    "unfinished_stories": 2.0,
    "duplicated_percent": 12.5,
}


def run(*, observed: Verdict = Verdict.VALID, without: str = "") -> RunRecord:
    findings = [
        Finding(checker=name, verdict=Verdict.VALID, text="fine.", numbers=dict(numbers))
        for name, numbers in NUMBERS.items()
        if name != without
    ]
    findings.append(Finding(checker="observed", verdict=observed, text="so it is."))
    return RunRecord(
        scenario=samples.RESTART,
        profile="hardened",
        stack="locked",
        site="local",
        started_at="",
        boot_s=0.9,
        verdict=worst(finding.verdict for finding in findings),
        findings=tuple(findings),
    )


def judged(record: RunRecord, **bounds: float) -> tuple[Results, RunRecord]:
    thresholds = Thresholds(every=msgspec.convert(bounds, Bounds))
    results = held_against(summarize([record], run_dir="x"), thresholds)
    return results, results.results[0].runs[0]


def said(record: RunRecord) -> Finding | None:
    return next((finding for finding in record.findings if finding.checker == CHECKER), None)


@pytest.mark.parametrize("name", MEASURES)
def test_a_bound_holds_at_what_was_measured_and_not_below(name: str) -> None:
    measured = MEASURED[name]
    results, record = judged(run(), **{name: measured})
    assert (record.verdict, exit_for(results)) == (Verdict.VALID, Exit.VALID)
    found = said(record)
    assert found is not None
    assert found.numbers == {name: pytest.approx(measured)}
    results, record = judged(run(), **{name: measured * 0.99})
    assert (record.verdict, exit_for(results)) == (Verdict.INVALID, Exit.VIOLATED)
    found = said(record)
    assert found is not None
    assert f"{name}: measured {measured:.4g}, allowed {measured * 0.99:.4g}" in found.text


def test_every_exceeded_bound_is_named() -> None:
    _, record = judged(run(), recovery_s=1, drain_s=60, accept_failed_percent=0)
    found = said(record)
    assert found is not None
    assert found.text == (
        "recovery_s: measured 4, allowed 1; accept_failed_percent: measured 10, allowed 0."
    )


@pytest.mark.parametrize("counted", ["lost_stories", "unfinished_stories", "duplicated_percent"])
def test_a_harness_that_did_not_keep_up_gives_no_verdict_on_time_but_on_counts(
    counted: str,
) -> None:
    _, record = judged(run(observed=Verdict.UNKNOWN), recovery_s=1)
    assert record.verdict is Verdict.UNKNOWN
    found = said(record)
    assert found is not None
    assert "the harness did not keep up" in found.text
    _, record = judged(run(observed=Verdict.UNKNOWN), **{"recovery_s": 1, counted: 0})
    assert record.verdict is Verdict.INVALID


def test_what_was_not_measured_is_passed_over() -> None:
    _, record = judged(run(without="recovery"), recovery_s=0)
    assert record.verdict is Verdict.VALID
    assert said(record) is None


def test_a_scenario_of_its_own_bounds_is_held_against_those() -> None:
    thresholds = Thresholds(
        every=Bounds(recovery_s=1), scenario={samples.RESTART.name: Bounds(recovery_s=5)}
    )
    assert held_against(summarize([run()], run_dir="x"), thresholds).results[0].valid == 1


def test_the_reports_tell_of_it() -> None:
    results, _ = judged(run(), recovery_s=1)
    assert 'failures="1"' in junit_report(results)
    page = summary_report(results)
    assert page.startswith("# ✗ Violated (exit code 1)\n")
    assert "- **thresholds** invalid: recovery_s: measured 4, allowed 1." in page
