"""SIGKILL to a run on a site of containers: nothing stays at the engine."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from stallproof.forkserver import FORKED
from stallproof.sites.choice import COMPOSE, DOCKER
from stallproof.sites.proctable import descendants, processes

from .left import at_the_engine, nothing_left

pytestmark = [pytest.mark.real, pytest.mark.docker]

STALLPROOF = Path(sys.executable).with_name("stallproof")
THERE_S = 120.0
"""For a run to have its containers, on a crowded machine."""
CONTAINERS = {DOCKER: 4, COMPOSE: 5}
"""Broker's host, broker, API, worker; Compose creates Toxiproxy in any case."""


def runner_of(outer: int) -> int:
    # The first: what it starts has its name, too, until it has become another program.
    forked = {entry.pid for entry in processes() if entry.name == FORKED}
    return next(pid for pid in descendants(outer) if pid in forked)


@pytest.mark.parametrize(
    ("site", "victim"),
    [
        (DOCKER, "outer"),
        (DOCKER, "runner"),
        pytest.param(COMPOSE, "outer", marks=pytest.mark.compose),
    ],
)
def test_a_killed_run_leaves_nothing(tmp_path: Path, site: str, victim: str) -> None:
    result = tmp_path / "result"
    with (tmp_path / "said").open("wb") as said:
        outer = subprocess.Popen(
            [
                *[str(STALLPROOF), "run", "broker-killed-4s", "--site", site],
                *["--out", str(result)],
            ],
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=said,
        )
    deadline = time.monotonic() + THERE_S
    while len((there := at_the_engine(result)).get("containers", [])) < CONTAINERS[site]:
        assert outer.poll() is None, (tmp_path / "said").read_text()
        assert time.monotonic() < deadline, f"waited {THERE_S} s for its containers: {there}"
        time.sleep(0.1)
    assert set(there) == {"containers", "networks", "volumes", "sessions"}
    os.kill(outer.pid if victim == "outer" else runner_of(outer.pid), signal.SIGKILL)
    nothing_left(result, there["sessions"])
    code = outer.wait(THERE_S)
    assert code == (-signal.SIGKILL if victim == "outer" else 4)
