"""What a load came to, judged: both sides of each threshold, and a generator that gave way."""

from typing import Any

import msgspec
import pytest

from stallproof.exits import Exit
from stallproof.load.measured import Measured, Tally, whole
from stallproof.load.result import LoadResult, exit_code, in_run
from stallproof.load.thresholds import LATE_S, Thresholds, judge_load
from stallproof.model import Verdict
from stallproof.records import Finding

SET = Thresholds(
    p95_accept_ms=100, p95_end_to_end_ms=1000, error_rate=0.1, lost_stories=1, drain_s=5
)
FINE = Measured(
    processes=2,
    reported=2,
    clients=100,
    not_sent=0,
    latest_s=0.1,
    posted=100,
    accepted=90,
    refused=10,
    done=89,
    lost=1,
    drain_s=5,
    timed=100,
    p95_accept_ms=100,
    p95_end_to_end_ms=1000,
)


def verdicts(**changes: Any) -> dict[str, Verdict]:
    measured = msgspec.structs.replace(FINE, **changes)
    return {finding.checker: finding.verdict for finding in judge_load(measured, SET)}


def code(**changes: Any) -> Exit:
    measured = msgspec.structs.replace(FINE, **changes)
    return exit_code(LoadResult(measured=measured, findings=judge_load(measured, SET)))


def test_at_each_limit_all_is_kept() -> None:
    assert set(verdicts().values()) == {Verdict.VALID}
    assert code() is Exit.VALID


@pytest.mark.parametrize(
    ("changes", "broken"),
    [
        ({"p95_accept_ms": 101}, "load-p95-accept-ms"),
        ({"p95_end_to_end_ms": 1001}, "load-p95-end-to-end-ms"),
        ({"refused": 11}, "load-error-rate"),
        ({"drain_s": 5.1}, "load-drain-s"),
    ],
)
def test_beyond_a_limit_that_one_is_violated(changes: dict[str, Any], broken: str) -> None:
    found = verdicts(**changes)
    assert {name for name, verdict in found.items() if verdict is Verdict.INVALID} == {broken}
    assert code(**changes) is Exit.VIOLATED


def test_what_is_lost_has_not_drained_either() -> None:
    found = verdicts(lost=2)
    broken = {name for name, verdict in found.items() if verdict is Verdict.INVALID}
    assert broken == {"load-lost-stories", "load-drain-s"}
    (drain,) = (
        f for f in judge_load(msgspec.structs.replace(FINE, lost=2), SET) if "drain" in f.checker
    )
    assert drain.text == "5 (limit 5), and 2 stories not done."


@pytest.mark.parametrize(
    "changes",
    [
        {"latest_s": LATE_S + 0.1},
        {"not_sent": 1},
        {"reported": 1},
        {"timed": 99},
        {"posted": 0, "refused": 0, "p95_accept_ms": None, "p95_end_to_end_ms": None},
    ],
)
def test_a_generator_that_gave_way_is_inconclusive(changes: dict[str, Any]) -> None:
    assert verdicts(**changes)["load-generator"] is Verdict.UNKNOWN
    assert code(**changes) is Exit.INCONCLUSIVE


def test_then_what_is_timed_is_at_best_unknown_and_what_is_counted_is_judged() -> None:
    found = verdicts(not_sent=1, p95_accept_ms=999, lost=5)
    assert found["load-p95-accept-ms"] is Verdict.UNKNOWN
    assert found["load-lost-stories"] is Verdict.INVALID


def test_a_threshold_that_is_not_set_is_not_judged() -> None:
    found = judge_load(FINE, Thresholds(drain_s=5))
    assert [finding.checker for finding in found] == ["load-generator", "load-drain-s"]


def test_tallies_add_up_and_the_worst_moment_counts() -> None:
    tallies = [
        Tally(planned=3, posted=3, accepted=3, done=2, drain_s=1.0, latest_s=0.2),
        Tally(planned=2, not_sent=1, posted=1, refused=1, drain_s=4.0, latest_s=0.1),
    ]
    found = whole(tallies, processes=3, timed=4, p95_accept_ms=1, p95_end_to_end_ms=None)
    assert (found.reported, found.clients, found.not_sent) == (2, 5, 1)
    assert (found.posted, found.accepted, found.done, found.lost) == (4, 3, 2, 1)
    assert (found.drain_s, found.latest_s, found.error_rate) == (4.0, 0.2, 0.25)


def test_in_a_run_whose_harness_gave_way_only_what_is_counted_stands() -> None:
    load = judge_load(msgspec.structs.replace(FINE, p95_accept_ms=999, lost=5), SET)
    for observed, p95 in ((Verdict.VALID, Verdict.INVALID), (Verdict.UNKNOWN, Verdict.UNKNOWN)):
        run = [Finding(checker="observed", verdict=observed, text="")]
        found = {finding.checker: finding.verdict for finding in in_run(load, run)}
        assert found["load-p95-accept-ms"] is p95
        assert found["load-lost-stories"] is Verdict.INVALID
