"""Asked while a run goes: what the checkers would say, and nothing of a run that moves."""

from pathlib import Path

import pytest
from tests.checkers.histories import DROP, LOAD_T, Run, scenario

from stallproof.checkers.facts import Facts
from stallproof.checkers.stalled import stalled
from stallproof.clock import Clock
from stallproof.forensics.detect import Detector
from stallproof.history import Recorder
from stallproof.model import Verdict

LIMITS = {"stall_s": 10.0, "accept_s": 5.0}


class Hand(Clock):
    """A clock that is set by hand, to seconds after the load started."""

    def __init__(self) -> None:
        super().__init__()
        self.at = -LOAD_T

    def now(self) -> float:
        return LOAD_T + self.at


def detector_at(path: Path, run: Run, at: float) -> Detector:
    """One that has followed the run so far."""
    clock = Hand()
    recorder = Recorder(path / "history.jsonl", clock=clock)
    detector = Detector(recorder, path / "history.jsonl", scenario(DROP, **LIMITS))
    for event in run.history().events:
        if event.t <= LOAD_T + at:
            recorder.add(event)
    clock.at = at
    return detector


def mute(from_s: int, *, until: int) -> Run:
    """A story each second; from `from_s` on nothing is started and the queue grows."""
    run = Run(until=until, ended=False).steady(1, from_s).fault(0, begin=4)
    for second in range(from_s, until):
        run.story(5000 + second, at=second).queue(second, second - from_s + 1)
    return run.queue(until, until - from_s)


def test_a_stall_is_called_when_the_checker_would(tmp_path: Path) -> None:
    run = mute(20, until=60)
    early = detector_at(tmp_path, run, 29)
    assert not early.suspects()
    late = tmp_path / "late"
    late.mkdir()
    detector = detector_at(late, run, 32)
    assert detector.suspects()
    assert detector.judge() == {"stalled"}
    facts = Facts(run.history(), scenario(DROP, **LIMITS))
    assert stalled(facts).verdict is Verdict.INVALID


@pytest.mark.parametrize("at", [5, 20, 59.5])
def test_a_run_that_moves_is_not_even_looked_into(tmp_path: Path, at: float) -> None:
    run = Run(ended=False, until=60).steady(1, 60).fault(0, begin=4)
    detector = detector_at(tmp_path, run, at)
    assert not detector.suspects()
    assert detector.judge() == set()
    assert not detector_at(tmp_path / "..", run, 60).unfinished()


def test_nothing_to_do_is_no_stall(tmp_path: Path) -> None:
    run = Run(ended=False, until=60).steady(1, 5).fault(0, begin=6)
    detector = detector_at(tmp_path, run, 50)
    assert not detector.suspects()
    assert detector.judge() == set()


def test_a_stall_that_is_over_is_not_seized(tmp_path: Path) -> None:
    """Nothing would be left to see; the checker calls it all the same."""
    run = mute(20, until=40).queued(40, 60, queued=20).steady(40, 60, number=9000)
    assert detector_at(tmp_path, run, 59.5).judge() == set()


def test_a_post_that_hangs_is_called_at_its_limit(tmp_path: Path) -> None:
    run = Run(ended=False, until=60).steady(1, 60).story(7, at=20, answer=None)
    assert not detector_at(tmp_path, run, 25).suspects()
    late = tmp_path / "late"
    late.mkdir()
    detector = detector_at(late, run, 25.5)
    assert detector.suspects()
    assert detector.judge() == {"post-hangs"}
    assert detector.unfinished()


def test_the_warmup_counts_for_nothing(tmp_path: Path) -> None:
    run = Run(ended=False, booted=False, until=60)
    detector = detector_at(tmp_path, run, 59)
    assert not detector.suspects()
    assert detector.judge() == set()


def test_what_is_not_done_at_the_end_is_unfinished(tmp_path: Path) -> None:
    run = Run(until=60, ended=False).steady(1, 50).story(7, at=50)
    assert detector_at(tmp_path, run, 60).unfinished()
