"""Keepalive judged: from stored runs to the table."""

from __future__ import annotations

from pathlib import Path

import pytest

from stallproof import keepalive
from stallproof.events import Connections, Op
from stallproof.history import Recorder
from stallproof.job import Job
from stallproof.model import Verdict
from stallproof.records import Finding, Interval, Results, RunRecord, ScenarioResult

LINK = "api-broker"


@pytest.fixture(scope="module")
def jobs() -> list[Job]:
    return keepalive.jobs(repeat=1, root=Path("nowhere"))


def test_one_setting_at_a_time_and_each_run_in_a_folder_of_its_own(jobs: list[Job]) -> None:
    assert len(jobs) == len(keepalive.CASES) == len({job.dir for job in jobs})
    assert jobs[0].request.spec.env == {}
    assert all(job.request.spec.env for job in jobs[1:])


def stored(folder: Path, *, answered: bool, after_s: float, opened: int) -> None:
    folder.mkdir(parents=True)
    recorder = Recorder(folder / "history.jsonl")
    recorder.add(Op(t=1.0, f="submit", type="invoke", story=0))
    recorder.add(Connections(t=1.5, link=LINK, open=1, opened=1, closed=0))
    recorder.add(Op(t=11.0, f="submit", type="invoke", story=1))
    if opened:
        recorder.add(Connections(t=12.0, link=LINK, open=2, opened=opened, closed=0))
    recorder.add(Op(t=11.0 + after_s, f="submit", type="ok" if answered else "info", story=1))
    recorder.close()


def results(root: Path, jobs: list[Job], *, bit: bool) -> Results:
    def result(job: Job) -> ScenarioResult:
        verdict = Verdict.VALID if bit else Verdict.UNKNOWN
        finding = Finding(checker="fault-bit", verdict=verdict, text="")
        run = RunRecord(
            scenario=job.request.scenario,
            profile=keepalive.PROFILE,
            stack="locked",
            site="local",
            stack_versions={"celery": "1", "kombu": "2", "redis": "3"},
            started_at="",
            verdict=verdict,
            findings=(finding,),
            dir=job.dir,
        )
        return ScenarioResult(
            scenario=job.request.scenario.name,
            profile=keepalive.PROFILE,
            stack="locked",
            site="local",
            n=1,
            valid=0,
            invalid=0,
            unknown=1,
            interval=Interval(0.0, 1.0),
            findings=(),
            runs=(run,),
        )

    return Results(run_dir=str(root), results=tuple(result(job) for job in jobs))


def test_the_table_says_what_the_second_publish_saw(tmp_path: Path, jobs: list[Job]) -> None:
    saw = [(False, 30.0, 0), (True, 0.02, 0), (True, 3.0, 1)] * 2
    for job, (answered, after_s, opened) in zip(jobs, saw, strict=True):
        stored(tmp_path / job.dir, answered=answered, after_s=after_s, opened=opened)
    text = keepalive.markdown(results(tmp_path, jobs, bit=True), command="x")
    assert "celery 1, kombu 2, redis 3" in text
    assert "| nothing | 1 | 0 | 30.00 s (30.00 to 30.00) | nothing, until it was given up |" in text
    assert "| 1 | 1 | 0.02 s (0.02 to 0.02) | the same connection, alive |" in text
    assert "| 1 | 1 | 3.00 s (3.00 to 3.00) | a dead connection, and opened another |" in text


def test_a_run_in_which_the_fault_did_not_bite_counts_for_nothing(
    tmp_path: Path, jobs: list[Job]
) -> None:
    for job in jobs:
        stored(tmp_path / job.dir, answered=True, after_s=0.1, opened=0)
    text = keepalive.markdown(results(tmp_path, jobs, bit=False), command="x")
    assert text.count("| 0 | | | nothing was measured |") == len(keepalive.CASES)
