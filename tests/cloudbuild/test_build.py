"""cloudbuild.yaml run step by step: what is called, in which order, and what never is."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from . import standin
from .simulator import Outcome, read, run

FILE = Path(__file__).parents[2] / "cloudbuild.yaml"
TAG = "b0123abcd"
IMAGE = "europe-west1-docker.pkg.dev/a-project/apps/storymimi:0123abcd-4567-89ab-cdef-0123456789ab"
BUCKET = "gs://a-project-stallproof/0123abcd-4567-89ab-cdef-0123456789ab/"
ORDER = [
    ("build", f"docker build --tag {IMAGE} ."),
    ("build-harness", "docker build --file harness/Dockerfile --tag stallproof:0123abcd-"),
    ("push", f"docker push {IMAGE}"),
    ("gate", f"stallproof gate --site docker --image {IMAGE} "),
    ("gate-report", "gcloud storage cp "),
    ("deploy-api", "gcloud run deploy storymimi-api "),
    ("deploy-api", "gcloud run services describe storymimi-api "),
    ("deploy-worker", "gcloud run worker-pools describe storymimi-worker "),
    ("deploy-worker", "gcloud run worker-pools deploy storymimi-worker "),
    ("load-token", f"gcloud auth print-identity-token --audiences={standin.SERVICE_URL}"),
    ("load", f"stallproof load --target https://{TAG}---storymimi-api-xyz.a.run.app "),
    ("load-report", "gcloud storage cp "),
    ("promote-worker", "gcloud run worker-pools update-instance-split storymimi-worker "),
    ("smoke-token", f"gcloud auth print-identity-token --audiences={standin.SERVICE_URL}"),
    ("smoke", f"stallproof load --target https://{TAG}---storymimi-api-xyz.a.run.app "),
    ("smoke-report", "gcloud storage cp "),
    ("move-traffic", "gcloud run services update-traffic storymimi-api "),
]
TRAFFIC = "services update-traffic"
SPLIT = "update-instance-split"
BACK = f"--to-revisions={standin.FORMER_WORKER}=100"
Run = Callable[..., Outcome]


@pytest.fixture
def outcome_of(tmp_path: Path) -> Run:
    def run_it(**rules: int) -> Outcome:
        spaced = {words.replace("_", " "): code for words, code in rules.items()}
        return run(read(FILE), tmp_path / "build", rules=spaced)

    return run_it


def test_a_green_build_does_everything_in_order(outcome_of: Run) -> None:
    outcome = outcome_of()
    assert outcome.failed_at is None, outcome.log
    assert [call.step for call in outcome.calls] == [step for step, _ in ORDER], outcome.log
    for call, (_, text) in zip(outcome.calls, ORDER, strict=True):
        assert call.text.startswith(text)


def test_the_candidate_gets_nothing_until_it_is_tested(outcome_of: Run) -> None:
    outcome = outcome_of()
    (api,) = (call for call in outcome.calls if call.text.startswith("gcloud run deploy"))
    assert {"--no-traffic", f"--tag={TAG}", f"--revision-suffix={TAG}"} <= set(api.argv)
    (worker,) = (call for call in outcome.calls if "worker-pools deploy" in call.text)
    assert {"--no-promote", f"--revision-suffix={TAG}"} <= set(worker.argv)
    (move,) = (call for call in outcome.calls if TRAFFIC in call.text)
    assert f"--to-revisions=storymimi-api-{TAG}=100" in move.argv
    (promote,) = (call for call in outcome.calls if SPLIT in call.text)
    assert f"--to-revisions=storymimi-worker-{TAG}=100" in promote.argv


@pytest.mark.parametrize("code", [1, 2, 3, 4, 137])
@pytest.mark.parametrize("which", ["gate", "load"])
def test_red_inconclusive_or_failed_moves_nothing_and_uploads_the_report(
    which: str, code: int, outcome_of: Run
) -> None:
    outcome = outcome_of(**{f"{which}:_stallproof": code})
    assert outcome.failed_at == f"{which}-verdict", outcome.log
    assert not outcome.index(TRAFFIC)
    assert not outcome.index(SPLIT)
    assert outcome.index("storage cp", f"reports/{which} {BUCKET}")
    report = outcome.workspace / "reports" / which
    assert (report / "report.html").read_text() == standin.REPORT
    assert (report / "exit-code").read_text() == f"{code}\n"
    if which == "gate":
        assert not outcome.index("run deploy")
        assert not outcome.index("worker-pools")


@pytest.mark.parametrize("which", ["gate", "load"])
def test_a_step_that_dies_counts_as_the_harness_failing(which: str, outcome_of: Run) -> None:
    outcome = outcome_of(**{f"{which}:_stallproof": -9})
    assert outcome.failed_at == f"{which}-verdict", outcome.log
    assert not outcome.index(TRAFFIC)
    assert outcome.index("storage cp", f"reports/{which}")
    assert (outcome.workspace / "reports" / which / "exit-code").read_text() == "4\n"


@pytest.mark.parametrize("code", [1, 3, 4, -9])
def test_a_worker_that_fails_its_smoke_test_gives_way_to_the_former(
    code: int, outcome_of: Run
) -> None:
    outcome = outcome_of(**{"smoke:_stallproof": code})
    assert outcome.failed_at == "worker-verdict", outcome.log
    assert not outcome.index(TRAFFIC)
    assert BACK in outcome.calls[outcome.index(SPLIT)[-1]].argv
    assert outcome.index("storage cp", f"reports/smoke {BUCKET}")


@pytest.mark.parametrize(
    "number", range(len(ORDER)), ids=[f"{s}-{i}" for i, (s, _) in enumerate(ORDER)]
)
def test_no_failure_of_any_call_is_swallowed(number: int, outcome_of: Run) -> None:
    step, text = ORDER[number]
    program, verb = text.split()[:2]
    rule = f"{step}: {' '.join(text.split()[:4])}" if verb == "run" else f"{step}: {program} {verb}"
    outcome = outcome_of(**{rule: 7})
    if step == "smoke-report":  # the way back, or on, must not wait for a bucket
        assert outcome.failed_at is None
        return
    assert outcome.failed_at is not None, outcome.log
    moved = outcome.index(TRAFFIC)
    assert bool(moved) == (step == "move-traffic"), outcome.log
    splits = outcome.index(SPLIT)
    if splits and step != "move-traffic":
        assert BACK in outcome.calls[splits[-1]].argv, "the former worker is not back"


def test_an_unknown_former_worker_stops_the_build_before_anything_is_promoted(
    outcome_of: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    silent = tmp_path / "standin.py"
    silent.write_text(Path(standin.__file__).read_text().replace(standin.FORMER_WORKER, ""))
    monkeypatch.setattr("tests.cloudbuild.simulator.STANDIN", silent)
    outcome = outcome_of()
    assert outcome.failed_at == "deploy-worker", outcome.log
    assert not outcome.index(SPLIT)


def test_the_token_is_in_no_argument_no_log_and_no_report(outcome_of: Run) -> None:
    outcome = outcome_of()
    loads = [call for call in outcome.calls if call.argv[:2] == ["stallproof", "load"]]
    assert [call.token for call in loads] == [True, True]
    assert not outcome.index(standin.TOKEN)
    assert standin.TOKEN not in outcome.log
    reports = [path for path in (outcome.workspace / "reports").rglob("*") if path.is_file()]
    assert reports
    assert all(standin.TOKEN not in path.read_text() for path in reports)
    assert (outcome.workspace / "token").stat().st_mode & 0o077 == 0


def test_no_secret_is_a_step_s_affair() -> None:
    text = FILE.read_text()
    assert "availableSecrets" not in text
    assert "secretEnv" not in text
    build = read(FILE)
    deploys = [step for step in build.steps if step.id in ("deploy-api", "deploy-worker")]
    assert all(step.script and '--update-secrets="$SECRETS"' in step.script for step in deploys)
    assert re.fullmatch(r"([A-Z_]+=[a-z-]+:\d+,?)+", build.substitutions["_SECRETS"])


def test_every_script_stops_at_its_first_error() -> None:
    for step in read(FILE).steps:
        if step.script is not None:
            assert step.script.startswith("#!/usr/bin/env bash\nset -euo pipefail\n"), step.id
