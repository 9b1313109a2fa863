"""From records to a result, an exit code, and what is on record."""

import msgspec
import pytest

from stallproof import Expect, Scenario, Verdict
from stallproof.advice import advise
from stallproof.exits import Exit, exit_for
from stallproof.expectations import UnexpectedError, compare
from stallproof.faults import ClientKill
from stallproof.model import Schedule, at
from stallproof.records import Finding, RunRecord, Setting
from stallproof.results import harness_failed, summarize, wilson

SCENARIO = Scenario(name="s", title="t", on_cloud_run="c", guide_promises="g", must_hold="m")
CUT = msgspec.structs.replace(SCENARIO, schedule=Schedule(steps=(at(3, ClientKill()),)))


def finding(verdict: Verdict, checker: str = "lost") -> Finding:
    return Finding(checker=checker, verdict=verdict, text=f"{checker} is {verdict.value}")


def record(
    *verdicts: Verdict,
    profile: str = "hardened",
    checker: str = "lost",
    scenario: Scenario = SCENARIO,
) -> RunRecord:
    findings = tuple(finding(verdict, checker) for verdict in verdicts)
    return RunRecord(
        scenario=scenario,
        profile=profile,
        stack="locked",
        site="local",
        started_at="",
        verdict=verdicts[0],
        findings=findings,
    )


def test_runs_are_counted_and_the_worst_finding_is_shown_with_its_rate() -> None:
    runs = [record(Verdict.VALID), record(Verdict.INVALID), record(Verdict.VALID)]
    (result,) = summarize(runs, run_dir="x").results
    assert (result.n, result.valid, result.invalid, result.unknown) == (3, 2, 1, 0)
    assert result.verdict is Verdict.INVALID
    assert result.findings[0].text == "lost is invalid"
    assert result.findings[0].numbers == {"runs": 3.0, "runs_invalid": 1.0}


@pytest.mark.parametrize(
    ("took_s", "shown"), [((6.2, 7.7, 3.0), 7.7), ((6.2, None, 7.7), None), ((3.0, 3.0, 3.0), 3.0)]
)
def test_of_findings_alike_the_slowest_is_shown(
    took_s: tuple[float | None, ...], shown: float | None
) -> None:
    runs = [
        msgspec.structs.replace(
            record(Verdict.INVALID, checker="recovery"),
            findings=(
                msgspec.structs.replace(
                    finding(Verdict.INVALID, "recovery"), numbers={"first_start_s": took}
                ),
            ),
        )
        for took in took_s
    ]
    (result,) = summarize(runs, run_dir="x").results
    assert result.findings[0].numbers["first_start_s"] == shown


def test_the_interval_is_wilsons() -> None:
    # Newcombe 1998, table I: 1 of 29 gives 0.0061 to 0.1718 by Wilson's method.
    interval = wilson(1, 29)
    assert interval.low == pytest.approx(0.0061, abs=1e-4)
    assert interval.high == pytest.approx(0.1718, abs=1e-4)


@pytest.mark.parametrize(
    ("verdicts", "code"),
    [
        ([Verdict.VALID, Verdict.VALID], Exit.VALID),
        ([Verdict.VALID, Verdict.UNKNOWN], Exit.INCONCLUSIVE),
        ([Verdict.UNKNOWN, Verdict.INVALID], Exit.VIOLATED),
    ],
)
def test_exit_codes(verdicts: list[Verdict], code: Exit) -> None:
    runs = [record(verdict) for verdict in verdicts]
    assert exit_for(summarize(runs, run_dir="x")) is code


def test_only_the_profiles_that_must_hold_decide() -> None:
    runs = [record(Verdict.VALID), record(Verdict.INVALID, profile="guide")]
    results = summarize(runs, run_dir="x")
    assert exit_for(results) is Exit.VIOLATED
    assert exit_for(results, must_hold=("hardened",)) is Exit.VALID


def test_a_harness_that_failed_is_not_an_inconclusive_system() -> None:
    results = summarize([record(Verdict.UNKNOWN, checker="harness")], run_dir="x")
    assert harness_failed(results)
    assert exit_for(results) is Exit.HARNESS


def test_a_violation_counts_for_more_than_a_harness_that_failed_elsewhere() -> None:
    failed = record(Verdict.UNKNOWN, profile="guide", checker="harness")
    results = summarize([record(Verdict.INVALID), failed], run_dir="x")
    assert harness_failed(results)
    assert exit_for(results) is Exit.VIOLATED


def test_what_is_on_record_passes_and_its_absence_is_news() -> None:
    expect = Expect(verdict=Verdict.INVALID, checkers=("lost",), because="no outbox")
    scenario = msgspec.structs.replace(SCENARIO, expected={"guide": expect})
    compare(record(Verdict.INVALID, profile="guide", scenario=scenario))
    with pytest.raises(UnexpectedError, match="on record is invalid by lost"):
        compare(record(Verdict.VALID, profile="guide", scenario=scenario))
    with pytest.raises(UnexpectedError, match="accept: invalid"):
        compare(record(Verdict.INVALID, profile="guide", checker="accept", scenario=scenario))
    with pytest.raises(UnexpectedError, match="nothing is on record against it"):
        compare(record(Verdict.UNKNOWN, scenario=scenario))


def test_what_shows_only_sometimes_may_stay_away_but_not_go_unjudged() -> None:
    expect = Expect(verdict=Verdict.INVALID, checkers=("lost",), because="a race", sometimes=True)
    scenario = msgspec.structs.replace(SCENARIO, expected={"guide": expect})
    compare(record(Verdict.INVALID, profile="guide", scenario=scenario))
    compare(record(Verdict.VALID, profile="guide", scenario=scenario))
    with pytest.raises(UnexpectedError, match="on record is invalid by lost"):
        compare(record(Verdict.UNKNOWN, profile="guide", scenario=scenario))


def test_advice_names_what_to_change_for_what_is_broken_and_nothing_else() -> None:
    def given(checker: str, kombu: str, *args: str) -> str:
        broken = [finding(Verdict.INVALID, checker)]
        return " ".join(advise(CUT, broken, [], args, {"kombu": kombu}))

    assert "--without-mingle" in given("stalled", "5.3.7")
    assert "7276" not in given("stalled", "5.3.7", "--without-mingle")
    assert "7276" not in given("stalled", "5.7.0")
    retry = Setting(key="broker_transport_options.retry_on_timeout", value="True")
    broken = [finding(Verdict.INVALID, "stalled")]
    assert "Remove broker_transport_options.retry_on_timeout" in " ".join(
        advise(CUT, broken, [retry], [], {"kombu": "5.7.0"})
    )
    assert "claim" in given("duplicated", "5.7.0")
    outbox = Setting(key="app.outbox", value="True")
    lost = [finding(Verdict.INVALID, "lost"), finding(Verdict.INVALID, "accept")]
    assert len(advise(CUT, lost, [], [], {})) == 2
    assert advise(CUT, lost, [outbox], [], {}) == ()
    (only,) = advise(SCENARIO, lost, [], [], {})
    assert "--find-ceiling" in only
    assert advise(SCENARIO, [finding(Verdict.VALID)], [], [], {}) == ()
