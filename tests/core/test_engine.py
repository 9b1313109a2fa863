"""What a run leaves whose runner does not do what it should."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from tests.core.jobs import job_of

from stallproof import catalog, engine
from stallproof.engine import run_one
from stallproof.job import Job
from stallproof.model import Verdict

HANGS = "import sys, time; print('half way', file=sys.stderr, flush=True); time.sleep(600)"
FAILS = "import sys; sys.exit('no room left')"


@pytest.fixture
def job(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Job:
    monkeypatch.setattr(Job, "deadline_s", 3.0)  # a bare Python must have begun by then
    return job_of(next(iter(catalog.load().values())), tmp_path)


def outcome(
    job: Job, root: Path, script: str, monkeypatch: pytest.MonkeyPatch
) -> tuple[Verdict, str, str]:
    monkeypatch.setattr(engine, "command_enclosed", lambda *_, **__: [sys.executable, "-c", script])
    record = run_one(job, root=root, on_progress=lambda _job, _progress: None)
    (finding,) = record.findings
    return record.verdict, finding.checker, finding.text


def test_one_that_does_not_end_is_killed_and_the_record_says_so(
    job: Job, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert outcome(job, tmp_path, HANGS, monkeypatch) == (
        Verdict.UNKNOWN,
        "harness",
        "the runner had not ended after 3 s, and was killed",
    )
    assert (tmp_path / job.dir / "logs" / "harness.log").read_text() == "half way\n"


def test_one_that_fails_has_the_last_word(
    job: Job, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert outcome(job, tmp_path, FAILS, monkeypatch)[2] == "no room left"
