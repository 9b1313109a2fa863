"""The same scenarios, the same verdicts: on this machine's processes and in containers."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from stallproof import catalog
from stallproof.model import RunRecord
from stallproof.report import load_results
from stallproof.sites.choice import DOCKER, LOCAL

pytestmark = [pytest.mark.real, pytest.mark.docker]

STALLPROOF = Path(sys.executable).with_name("stallproof")
RUN_S = 900.0
"""For every scenario once; two to three minutes on two processors that do nothing else."""


def verdicts(site: str, folder: Path) -> dict[str, RunRecord]:
    """Each scenario under `hardened`, by name."""
    out = folder / site
    done = subprocess.run(
        [str(STALLPROOF), "run", *catalog.load(), "--site", site, "--out", str(out)],
        capture_output=True,
        text=True,
        timeout=RUN_S,
        stdin=subprocess.DEVNULL,
        check=False,
    )
    assert done.returncode in {0, 1, 3}, done.stdout + done.stderr
    return {result.scenario: result.runs[0] for result in load_results(out).results}


def words(record: RunRecord) -> str:
    texts = [f"{f.checker}: {f.text}" for f in record.findings if f.verdict == record.verdict]
    return f"{record.verdict.value} ({'; '.join(texts)})" if texts else record.verdict.value


def cannot(record: RunRecord) -> bool:
    return any(finding.checker == "needs" for finding in record.findings)


def test_local_and_docker_agree_on_every_scenario_that_both_can_run(tmp_path: Path) -> None:
    local, docker = verdicts(LOCAL, tmp_path), verdicts(DOCKER, tmp_path)
    assert local.keys() == docker.keys() == catalog.load().keys()
    judged = []
    for name in local:
        for site, record in ((LOCAL, local[name]), (DOCKER, docker[name])):
            if cannot(record):
                print(f"{name}: {site} {words(record)}")  # noqa: T201 (shown where it fails)
        if not cannot(local[name]) and not cannot(docker[name]):
            judged.append(name)
    assert judged, "no scenario could be run on both"
    differing = [
        f"{name}: local {words(local[name])}; docker {words(docker[name])}"
        for name in judged
        if local[name].verdict is not docker[name].verdict
    ]
    assert differing == []
