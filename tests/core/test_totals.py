"""What a set of runs comes to."""

from __future__ import annotations

import msgspec
import pytest

from stallproof import Scenario, Verdict
from stallproof.records import Finding, RunRecord
from stallproof.report.together import again_text, lost_text, time_text
from stallproof.results import summarize
from stallproof.tally import Spent
from stallproof.totals import at_most, tallies, wall_s

SCENARIO = Scenario(name="s", title="t", on_cloud_run="c", guide_promises="g", must_hold="m")


def run(*, profile: str = "hardened", started_at: str = "", **numbers: float) -> RunRecord:
    """A run whose `unfinished` and `duplicated` say so."""
    findings = tuple(
        Finding(checker=checker, verdict=Verdict.VALID, text="-", numbers=dict(numbers))
        for checker in ("unfinished", "duplicated")
    )
    return RunRecord(
        scenario=SCENARIO,
        profile=profile,
        stack="locked",
        site="local",
        started_at=started_at,
        seconds=30.0,
        spent=Spent(boot_s=3.0, fault_s=6.0, recovery_s=1.0),
        verdict=Verdict.VALID,
        findings=findings,
    )


def test_counts_add_up_by_profile() -> None:
    runs = [
        run(accepted=100, unfinished=3, popped=1, killed=1, waiting=1, executed=97, again=0),
        run(accepted=50, executed=50, republished=4, put_back=1, skipped_again=5),
        run(accepted=10, unfinished=2, unknown=2, profile="guide"),
    ]
    hardened, guide = tallies(runs)
    assert (hardened.runs, hardened.accepted, hardened.unfinished) == (2, 150, 3)
    assert (hardened.lost, hardened.unknown) == (2, 0)
    assert hardened.causes == {
        "in the queue": 1,
        "popped and never registered": 1,
        "started and killed": 1,
    }
    assert (hardened.again, hardened.refused) == (5, 5)
    assert hardened.spent == Spent(boot_s=6.0, fault_s=12.0, recovery_s=2.0)
    assert (guide.lost, guide.unknown) == (0, 2)
    assert guide.lost_at_most == at_most(2, 10)  # nobody knows: counted as lost


def test_a_run_that_was_not_judged_does_not_count() -> None:
    unjudged = msgspec.structs.replace(run(accepted=7), findings=(), spent=None)
    (tally,) = tallies([unjudged])
    assert (tally.runs, tally.accepted, tally.lost_at_most) == (0, 0, None)


def test_the_bound_is_clopper_and_pearsons() -> None:
    # Of none in n it is the p for which (1 - p) ** n is 0.05.
    bound = at_most(0, 2000)
    assert bound is not None
    assert (1 - bound) ** 2000 == pytest.approx(0.05)
    # Of one in ten it is the p for which none or one comes with 0.05.
    bound = at_most(1, 10)
    assert bound is not None
    assert (1 - bound) ** 10 + 10 * bound * (1 - bound) ** 9 == pytest.approx(0.05)
    assert at_most(0, 0) is None


def test_the_wall_time_goes_from_the_first_start_to_the_last_end() -> None:
    first, second = "2026-11-22T10:00:00.500+00:00", "2026-11-22T10:00:20+00:00"
    assert wall_s([run(started_at=second), run(started_at=first), run()]) == 49.5
    assert wall_s([run()]) is None


def test_in_words() -> None:
    began = "2026-11-22T10:00:00+00:00"
    runs = [run(accepted=1000, executed=1000, republished=2, skipped_again=1, started_at=began)] * 2
    results = summarize(runs, run_dir="x")
    (tally,) = results.tallies
    assert lost_text(tally) == (
        "0 of 2000 accepted stories lost in 2 runs, with 95 % confidence less than 0.15 % "
        "(one-sided, exact, as if each story met its luck alone)."
    )
    assert again_text(tally) == (
        "0 of 2000 executed stories executed twice; delivered again 4 times: "
        "4 published again by the outbox; 2 refused by the claim, 2 started."
    )
    assert time_text(results).startswith(
        "30.0 s for 2 runs, 20.0 s one after another: 60 % faults in force, 10 % recovering"
    )
