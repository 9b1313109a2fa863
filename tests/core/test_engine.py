"""What a run leaves whose runner does not do what it should."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import islice
from pathlib import Path

import pytest
from tests.core.jobs import job_of

from stallproof import catalog
from stallproof.boots import Boots
from stallproof.engine import Runs
from stallproof.forked import ForkServer
from stallproof.job import Job
from stallproof.model import Verdict
from stallproof.sites.waiting import wait_until

HANGS = "import sys, time; print('half way', file=sys.stderr, flush=True); time.sleep(600)"
FAILS = "import sys; sys.stderr.write('no room left'); code = 1"

BOOTS = """
import os, time
from pathlib import Path
folder = Path(os.environ["FOLDER"])
(folder / f"boots-{os.getpid()}").touch()
while not (folder / "boot").exists():
    time.sleep(0.01)
print('{"phase": "warmup"}', flush=True)
while not (folder / "end").exists():
    time.sleep(0.01)
code = 1
"""
NOT_YET_S = 0.3

ENDS_SERVER = """
import os, signal
pid = os.getpid()
for _ in ("init", "launcher", "server"):
    with open(f"/proc/{pid}/stat") as stat:
        pid = int(stat.read().rpartition(")")[2].split()[1])
os.kill(pid, signal.SIGKILL)
signal.pause()
"""


@pytest.fixture
def job(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Job:
    monkeypatch.setattr(Job, "deadline_s", 3.0)  # a bare Python must have begun by then
    return job_of(next(iter(catalog.load().values())), tmp_path)


def outcome(
    job: Job, root: Path, code: str, monkeypatch: pytest.MonkeyPatch
) -> tuple[Verdict, str, str]:
    monkeypatch.setenv("RUN", code)
    with ForkServer("tests.core.forked_standin") as server:
        record = Runs(server, root=root, on_progress=lambda _job, _progress: None).one(job)
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


def test_one_that_goes_with_its_server_says_so(
    job: Job, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = "the runner ended with its fork server and said nothing"
    assert outcome(job, tmp_path, ENDS_SERVER, monkeypatch)[2] == said


def test_the_next_one_begins_when_one_has_booted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def boot_less_than(n: int) -> str | None:
        seen = len(list(tmp_path.glob("boots-*")))
        return f"{seen}" if seen < n else None

    monkeypatch.setattr("stallproof.engine.Boots", partial(Boots, at_once=1))
    monkeypatch.setenv("RUN", BOOTS)
    monkeypatch.setenv("FOLDER", str(tmp_path))
    jobs = [job_of(scenario, tmp_path) for scenario in islice(catalog.load().values(), 2)]
    with ThreadPoolExecutor() as pool, ForkServer("tests.core.forked_standin") as server:
        runs = Runs(server, root=tmp_path, on_progress=lambda _job, _progress: None)
        ended = [pool.submit(runs.one, job) for job in jobs]
        wait_until(lambda: boot_less_than(1), awaited="a run that boots", timeout_s=30)
        time.sleep(NOT_YET_S)
        assert boot_less_than(2) == "1"
        (tmp_path / "boot").touch()
        wait_until(lambda: boot_less_than(2), awaited="the next one", timeout_s=30)
        (tmp_path / "end").touch()
        assert {future.result().findings[0].text for future in ended} == {
            "the runner ended with 1 and said nothing"
        }
