"""What is asked of the project of docker-compose.test.yml that pytest-docker has brought up."""

from __future__ import annotations

import json
import time
import urllib.request
from collections.abc import Callable
from typing import Any

import docker
from docker.models.containers import Container
from pytest_docker.plugin import Services

from stallproof.sites.compose.project import PROJECT_LABEL, SERVICE_LABEL

STORY = {"title": "Fox", "prompt": "A fox.", "user_id": "9a0a594c-2699-400b-89e0-4a4ef78ced97"}
READY_TIMEOUT_S = 60.0
"""From `up` to healthy; 5 s are usual. Where an engine's containers have together the weight of one
process, as in the first version of control groups, a busy machine takes ten times as long.
"""
PAUSE_S = 0.05
TASK_S = 2.0


class Project:
    """The system in the file. Every wait has a deadline that says what was seen."""

    def __init__(self, services: Services, *, name: str, engine: docker.DockerClient) -> None:
        self._services = services
        self._name = name
        self._engine = engine

    def container(self, service: str) -> Container:
        fit = [f"{PROJECT_LABEL}={self._name}", f"{SERVICE_LABEL}={service}"]
        (found,) = self._engine.containers.list(all=True, filters={"label": fit})
        return found

    def wait_healthy(self, service: str) -> None:
        def problem() -> str | None:
            state = self.container(service).attrs["State"]
            health = state.get("Health", {})
            return None if health.get("Status") == "healthy" else json.dumps(state)

        wait(problem, awaited=f"{service} healthy", timeout_s=READY_TIMEOUT_S)

    def post(self) -> str:
        return str(self.ask("api", "/stories/", STORY)["id"])

    def status(self, story_id: str) -> str:
        return str(self.ask("api", f"/stories/{story_id}")["status"])

    def wait_done(self, story_id: str, *, timeout_s: float) -> None:
        def problem() -> str | None:
            status = self.status(story_id)
            return None if status == "done" else status

        wait(problem, awaited=f"story {story_id} done", timeout_s=timeout_s)

    def ledger(self, story_id: str) -> list[tuple[str, int]]:
        """Starts and ends of a story's work, as any container sees the volume: event, attempt."""
        said = self.container("api").exec_run(["cat", "/data/ledger.jsonl"])
        if said.exit_code != 0:
            return []
        lines = [json.loads(line) for line in said.output.decode().splitlines()]
        work = [line for line in lines if line["event"] in {"start", "end"}]
        return [(line["event"], line["attempt"]) for line in work if line["story_id"] == story_id]

    def ask(self, service: str, path: str, body: dict[str, Any] | None = None) -> Any:
        port = self._services.port_for(service, {"api": 8080, "toxiproxy": 8474}[service])
        request = urllib.request.Request(
            f"http://127.0.0.1:{port}{path}",
            data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=10) as response:
            return json.load(response)


def leftovers(engine: docker.DockerClient, project: str) -> list[str]:
    fit = {"label": f"{PROJECT_LABEL}={project}"}
    containers = engine.containers.list(all=True, filters=fit, ignore_removed=True)
    networks, volumes = engine.networks.list(filters=fit), engine.volumes.list(filters=fit)
    return [found.name for found in (*containers, *networks, *volumes)]


def wait(problem: Callable[[], str | None], *, awaited: str, timeout_s: float) -> None:
    deadline = time.monotonic() + timeout_s
    while (seen := problem()) is not None:
        assert time.monotonic() < deadline, f"waited {timeout_s} s for {awaited}; seen: {seen}"
        time.sleep(PAUSE_S)
