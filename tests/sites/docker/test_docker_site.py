"""Sites of containers for real: who reaches whom, what each capability does, what stays."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from stallproof.sites.base import Link
from stallproof.sites.choice import COMPOSE, DOCKER
from stallproof.sites.namespaces import command_enclosed

from .left import at_the_engine, nothing_left

pytestmark = [pytest.mark.real, pytest.mark.docker]

ACT = Path(__file__).with_name("act.py")
ACT_TIMEOUT_S = 240.0


@pytest.fixture(params=[DOCKER, pytest.param(COMPOSE, marks=pytest.mark.compose)])
def site(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def perform(act: str, site: str, run_dir: Path) -> dict[str, Any]:
    done = subprocess.run(
        command_enclosed([sys.executable, str(ACT), act, site, str(run_dir)], namespaces=False),
        capture_output=True,
        text=True,
        timeout=ACT_TIMEOUT_S,
        check=False,
    )
    assert done.returncode == 0, f"{act} exited with {done.returncode}:\n{done.stderr}"
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def test_everything_on_the_direct_route(site: str, tmp_path: Path) -> None:
    result = perform("direct", site, tmp_path)
    seen = result["seen"]
    instance = seen["first"][0][1]
    assert seen["first"] == [["start", instance, True], ["end", instance, True]]
    services = {"api": [seen["services"]["api"]], "worker": [seen["services"]["worker"]]}
    for link, peers in seen["peers"].items():
        assert peers == services[link.partition("-")[0]], "each service comes over its own links"
    assert seen["after kill"] == seen["after stop"] == ["refused"], "its addresses outlive it"
    assert seen["kill"] == seen["stop"] == "value"
    assert seen["empty"] is None
    assert seen["destroyed"] == [True, True]
    assert seen["spared"]
    assert seen["too young"] == 0
    # Compose's container is started again; the docker site makes another, with the next number.
    again = "worker-2" if site == DOCKER else instance
    assert seen["second"] == [["start", again, True], ["end", again, True]]
    worker = [life[1:] for life in result["lives"] if life[0] == "worker"]
    assert worker == [["start", None], ["exit", -9], ["start", None]]
    assert ["api", "start", None] in result["lives"]
    assert any(service == "worker" and what == "ready" for service, what, _ in result["logged"])
    # Everything is gone when the context has ended, not some time after.
    assert at_the_engine(tmp_path) == {}
    assert {path.name for path in tmp_path.iterdir()} == {"history.jsonl", "logs"}
    text = {path: path.read_text() for path in tmp_path.rglob("*") if path.is_file()}
    assert "redis://***@" in text[tmp_path / "logs" / "worker.log"]
    for path, content in text.items():
        assert not re.search(r"redis://[^*\s]*@", content), path
        assert not re.search(r"\b[0-9a-f]{32}\b", content), path


def test_everything_on_the_proxied_route(site: str, tmp_path: Path) -> None:
    seen = perform("proxied", site, tmp_path)["seen"]
    assert [event for event, _, _ in seen["first"]] == ["start", "end"]
    assert seen["peers"] == [seen["toxiproxy"]], "the broker sees nobody but the proxy"
    assert seen["dialled"] == dict.fromkeys(Link, "answer")
    assert seen["kill"] is None, "without persistence a restart keeps nothing"
    nothing_left(tmp_path, [])
