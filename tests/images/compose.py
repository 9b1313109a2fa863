"""docker-compose.test.yml under a name of its own, with whatever ports are free."""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import docker
from docker.models.containers import Container

STORY = {"title": "Fox", "prompt": "A fox.", "user_id": "9a0a594c-2699-400b-89e0-4a4ef78ced97"}
COMMAND_TIMEOUT_S = 90.0
READY_TIMEOUT_S = 60.0
"""From `up` to healthy; 5 s are usual. Where an engine's containers have together the weight of one
process, as in the first version of control groups, a busy machine takes ten times as long.
"""
TASK_S = 2.0
LABEL = "com.docker.compose.project"


class Project:
    """The system in the file. Every wait has a deadline that says what was seen."""

    def __init__(
        self, command: list[str], *, image: str, file: Path, engine: docker.DockerClient
    ) -> None:
        self._command = command
        self._image = image
        self._file = file
        self._engine = engine
        self.name = f"stallprooftest{secrets.token_hex(4)}"

    def up(self) -> None:
        self._compose("up", "-d")
        for service in ("broker-host", "broker", "api", "worker"):
            self.wait_healthy(service)

    def down(self) -> None:
        self._compose("down", "--volumes", "--timeout", "2")

    def leftovers(self) -> list[str]:
        fit = {"label": f"{LABEL}={self.name}"}
        containers = self._engine.containers.list(all=True, filters=fit, ignore_removed=True)
        networks, volumes = (
            self._engine.networks.list(filters=fit),
            self._engine.volumes.list(filters=fit),
        )
        return [found.name for found in (*containers, *networks, *volumes)]

    def container(self, service: str) -> Container:
        fit = [f"{LABEL}={self.name}", f"com.docker.compose.service={service}"]
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
        """What the worker wrote of a story, as any container sees the volume: event and attempt."""
        said = self.container("api").exec_run(["cat", "/data/ledger.jsonl"])
        if said.exit_code != 0:
            return []
        lines = [json.loads(line) for line in said.output.decode().splitlines()]
        return [(line["event"], line["attempt"]) for line in lines if line["story_id"] == story_id]

    def ask(self, service: str, path: str, body: dict[str, Any] | None = None) -> Any:
        port = {"api": "8080", "toxiproxy": "8474"}[service]
        (binding,) = self.container(service).attrs["NetworkSettings"]["Ports"][f"{port}/tcp"]
        request = urllib.request.Request(
            f"http://127.0.0.1:{binding['HostPort']}{path}",
            data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=10) as response:
            return json.load(response)

    def _compose(self, *arguments: str) -> str:
        settings = {
            **{f"{service}_PORT": "0" for service in ("API", "WORKER", "TOXIPROXY")},
            "STORYMIMI_IMAGE": self._image,
            "OFFLINE_DURATION_S": str(TASK_S),
        }
        done = subprocess.run(
            [*self._command, "-p", self.name, "-f", str(self._file), *arguments],
            env={**os.environ, **settings},
            capture_output=True,
            text=True,
            timeout=COMMAND_TIMEOUT_S,
            check=False,
            stdin=subprocess.DEVNULL,
        )
        assert done.returncode == 0, f"{arguments}: {done.stdout}{done.stderr}"
        return done.stdout


def wait(problem: Callable[[], str | None], *, awaited: str, timeout_s: float) -> None:
    deadline = time.monotonic() + timeout_s
    while (seen := problem()) is not None:
        assert time.monotonic() < deadline, f"waited {timeout_s} s for {awaited}; seen: {seen}"
        time.sleep(0.05)
