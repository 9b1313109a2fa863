"""Which settings keep a worker from starting, told from the histories of trial boots."""

from __future__ import annotations

from pathlib import Path

import pytest

from stallproof.blame import Blame
from stallproof.events import InstancePhase, Log
from stallproof.history import Recorder
from stallproof.job import Job
from stallproof.model import Scenario, Verdict
from stallproof.records import Finding, RunRecord, Setting
from stallproof.request import Request, record_of
from stallproof.sites.base import SystemSpec

SCENARIO = Scenario(name="s", title="t", on_cloud_run="c", guide_promises="g", must_hold="m")
NEVER = Finding(checker="boot", verdict=Verdict.INVALID, text="the system never came up.")
READY = Log(t=1.0, service="worker", what="ready", line="celery@here ready.")
EXIT = InstancePhase(t=1.0, service="worker", phase="exit", code=1)


def cause(root: Path, trials: dict[str, Log | InstancePhase | None]) -> Finding:
    """The finding, if a trial without that setting ends so; other trials see the worker exit."""
    settings = tuple(Setting(key=key, value="1") for key in ("bad", "good"))
    request = Request(
        scenario=SCENARIO,
        spec=SystemSpec(profile="p", python="x", broker_binary="x", run_dir=str(root)),
        site="local",
        namespaces=True,
        stack="locked",
        stack_versions={},
        settings=settings,
        worker_args=(),
    )
    job = Job(request=request, dir="runs/s--p")
    (root / job.dir).mkdir(parents=True)

    def run_one(trial: Job) -> RunRecord:
        (root / trial.dir).mkdir(parents=True)
        recorder = Recorder(root / trial.dir / "history.jsonl")
        without = trial.request.spec.env["STORYMIMI_UNSET"].split(",")
        ends = [trials[key] for key in without if key in trials]
        if (event := ends[0] if ends else EXIT) is not None:
            recorder.add(event)
        recorder.close()
        return record_of(trial.request, findings=())

    record = Blame(run_one, root).explain(job, record_of(request, findings=(NEVER,)))
    (found,) = (finding for finding in record.findings if finding.checker == "cause")
    assert bool(record.advice) == (found.verdict is Verdict.INVALID)
    return found


def test_the_setting_without_which_it_starts_is_named(tmp_path: Path) -> None:
    found = cause(tmp_path, {"bad": READY})
    assert found.verdict is Verdict.INVALID
    assert found.text.startswith("The worker starts without profile: bad = 1, and never with it")


def test_no_setting_decides_it_if_it_exits_without_any_of_them(tmp_path: Path) -> None:
    found = cause(tmp_path, {})
    assert found.verdict is Verdict.INVALID
    assert found.text.startswith("No setting of the profile decides it")


@pytest.mark.parametrize("key", ["bad", "good"])
def test_a_worker_that_neither_starts_nor_exits_blames_nothing(tmp_path: Path, key: str) -> None:
    found = cause(tmp_path, {key: None})
    assert found.verdict is Verdict.UNKNOWN
    assert "neither was ready nor exited" in found.text
