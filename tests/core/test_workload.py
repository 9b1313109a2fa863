"""The clients: how often they ask for a story that they wait for, and what ends the wait."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import httpx2
import pytest

from stallproof import workload
from stallproof.clock import Clock
from stallproof.events import Task
from stallproof.history import Recorder
from stallproof.workload import Clients

DEADLINE_S = 20.0
LONG_S = 1000.0


class Api:
    """Accepts one story."""

    def __init__(self) -> None:
        self.status = "published"
        self.accepted = anyio.Event()
        self.asked_at_s: list[float] = []
        self.asked = anyio.Event()

    def answer(self, request: httpx2.Request) -> httpx2.Response:
        if request.method == "POST":
            self.accepted.set()
            return httpx2.Response(202, json={"id": "a", "status": self.status})
        self.asked_at_s.append(time.monotonic())
        self.asked.set()
        self.asked = anyio.Event()
        return httpx2.Response(200, json={"status": self.status})


@asynccontextmanager
async def waiting(api: Api, folder: Path) -> AsyncIterator[tuple[Clients, Recorder]]:
    """A client that waits for its story; in the end it has come, or this fails."""
    recorder = Recorder(folder / "history.jsonl", clock=Clock.starting_now(1))
    transport = httpx2.MockTransport(api.answer)
    with anyio.fail_after(DEADLINE_S):
        async with httpx2.AsyncClient(base_url="http://api", transport=transport) as http:
            clients = Clients(recorder, http)
            async with anyio.create_task_group() as group:
                group.start_soon(clients.story, 0)
                await api.accepted.wait()
                yield clients, recorder
    recorder.close()
    assert clients.n_done == 1


@pytest.mark.anyio
async def test_they_ask_more_and_more_rarely(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workload, "LOOK_AGAIN_REAL_S", 0.0)
    monkeypatch.setattr(workload, "LOOK_AGAIN_S", 0.02)
    monkeypatch.setattr(workload, "LOOK_AGAIN_AT_MOST_S", 0.08)
    api = Api()
    async with waiting(api, tmp_path):
        while len(api.asked_at_s) < 5:
            await api.asked.wait()
        api.status = "done"
    first, *rest = api.asked_at_s
    waits = [later - before for before, later in zip((first, *rest), rest, strict=False)]
    assert all(wait >= at_least for wait, at_least in zip(waits, (0.04, 0.08, 0.08), strict=False))


@pytest.mark.anyio
async def test_the_ledger_tells_them_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workload, "LOOK_AGAIN_S", LONG_S)
    api = Api()
    async with waiting(api, tmp_path) as (clients, recorder):
        while not clients.accepted:
            await anyio.lowlevel.checkpoint()
        api.status = "done"
        end = Task(t=0, event="end", story_id="a", outcome="ok", pid=1, instance="w-1", attempt=1)
        recorder.add(end)
    assert len(api.asked_at_s) == 1
