"""The same scenarios, the same verdicts: as processes, in containers, and from the Compose file.

The scenarios tagged `gate`, for time's sake; all but the hour-long ones with `make agreement`.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Collection, Mapping
from pathlib import Path

import pytest

from stallproof import catalog
from stallproof.records import RunRecord
from stallproof.report import load_results
from stallproof.sites.choice import COMPOSE, DOCKER, LOCAL

pytestmark = [pytest.mark.real, pytest.mark.docker]

STALLPROOF = Path(sys.executable).with_name("stallproof")
RUN_S = 900.0
"""For every scenario once; two to three minutes on two processors that do nothing else."""

Verdicts = Mapping[str, RunRecord]
"""Of each scenario under `hardened`, by name."""


def verdicts(site: str, names: Collection[str], folder: Path) -> Verdicts:
    out = folder / site
    done = subprocess.run(
        [str(STALLPROOF), "run", *names, "--site", site, "--out", str(out)],
        capture_output=True,
        text=True,
        timeout=RUN_S,
        stdin=subprocess.DEVNULL,
        check=False,
    )
    assert done.returncode in {0, 1, 3}, done.stdout + done.stderr
    return {result.scenario: result.runs[0] for result in load_results(out).results}


@pytest.fixture(scope="module")
def names(pytestconfig: pytest.Config) -> Collection[str]:
    known = catalog.load()
    if pytestconfig.getoption("--every-scenario"):
        # Containers live in real time: what takes hours of the system's would take hours.
        return [name for name, scenario in known.items() if "clock" not in scenario.tags]
    return [scenario.name for scenario in catalog.select(known, ["tag:gate"])]


@pytest.fixture(scope="module")
def local(names: Collection[str], tmp_path_factory: pytest.TempPathFactory) -> Verdicts:
    return verdicts(LOCAL, names, tmp_path_factory.mktemp("agreement"))


@pytest.mark.parametrize("site", [DOCKER, pytest.param(COMPOSE, marks=pytest.mark.compose)])
def test_containers_agree_with_processes(
    site: str, names: Collection[str], local: Verdicts, tmp_path: Path
) -> None:
    other = verdicts(site, names, tmp_path)
    assert local.keys() == other.keys() == set(names)
    assert differing(local, other, site) == []


def differing(local: Verdicts, other: Verdicts, site: str) -> list[str]:
    """Those of the other site's scenarios that both could run and did not judge alike."""
    judged = []
    for name, record in other.items():
        for where, found in ((LOCAL, local[name]), (site, record)):
            if cannot(found):
                print(f"{name}: {where} {words(found)}")  # noqa: T201 (shown where it fails)
        if not cannot(local[name]) and not cannot(record):
            judged.append(name)
    assert judged, "no scenario could be run on both"
    return [
        f"{name}: {LOCAL} {words(local[name])}; {site} {words(other[name])}"
        for name in judged
        if local[name].verdict is not other[name].verdict
    ]


def words(record: RunRecord) -> str:
    texts = [f"{f.checker}: {f.text}" for f in record.findings if f.verdict == record.verdict]
    return f"{record.verdict.value} ({'; '.join(texts)})" if texts else record.verdict.value


def cannot(record: RunRecord) -> bool:
    return any(finding.checker == "needs" for finding in record.findings)
