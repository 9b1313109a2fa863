"""The clients: each submits one story when its time has come, then waits for it to be done.

An open model: arrivals do not wait for one another, so a stalled system meets the same load
as a healthy one. Who plays them is a driver: `Clients` here, in the harness's own process, for a
few stories a second; Locust in processes of its own (`load/driver.py`) for many.
"""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Literal, Protocol

import anyio
import httpx2
import msgspec
from anyio.abc import TaskGroup

from stallproof.events import AnyEvent, Op, Task
from stallproof.history import Recorder
from stallproof.manners import LOOK_AGAIN_S, READ_DEADLINE_S, SUBMIT_DEADLINE_S, outcome_of
from stallproof.model import Workload

ANSWER_REAL_S = 5.0
"""An API on this machine gets at least so long to answer, whatever the speed."""
LOOK_AGAIN_REAL_S = 0.25
"""It is asked for a story no more often than this."""
LOOK_AGAIN_AT_MOST_S = 8.0
"""The longer a client has waited, the more rarely it asks, but at least this often: that a story is
done the ledger tells it at once."""


class Driver(Protocol):
    """Plays a workload's clients and writes each of their operations to the history."""

    @property
    def n_accepted(self) -> int:
        """Stories of the load that the API took."""

    @property
    def n_done(self) -> int:
        """Those of them that a client saw done."""

    @property
    def idle(self) -> bool:
        """Nothing is under way: every client has what it waited for, or has given up."""

    def prepared(self) -> AbstractAsyncContextManager[None]:
        """Whatever takes time is done before the context begins; after it, nobody plays on."""

    async def send(self, workload: Workload, start: float) -> None:
        """Send each story at its moment (of the system) after `start`, a reading of anyio's clock.

        Returns after the last.
        """


class Clients:
    """Drives stories through the API and writes every operation to the history."""

    def __init__(self, recorder: Recorder, http: httpx2.AsyncClient) -> None:
        self._recorder = recorder
        self._clock = recorder.clock
        self._http = http
        self._user_id = str(uuid.uuid4())
        self._ended: dict[str, anyio.Event] = {}
        self.submitting = 0
        self.accepted: set[str] = set()
        self.done: set[str] = set()
        self._under_way: TaskGroup | None = None
        recorder.watch(self._wake)

    @property
    def n_accepted(self) -> int:
        return len(self.accepted)

    @property
    def n_done(self) -> int:
        return len(self.done)

    @property
    def idle(self) -> bool:
        """No submit under way, and every accepted story done."""
        return self.submitting == 0 and self.accepted == self.done

    @asynccontextmanager
    async def prepared(self) -> AsyncIterator[None]:
        async with anyio.create_task_group() as self._under_way:
            yield
            self._under_way.cancel_scope.cancel()

    async def send(self, workload: Workload, start: float) -> None:
        assert self._under_way is not None
        for number, arrival_s in enumerate(workload.arrivals_s()):
            await anyio.sleep_until(start + self._clock.real_s(arrival_s))
            self._under_way.start_soon(self.story, number)

    async def story(self, number: int) -> bool:
        """Submit one story and watch it until it is done. True: it was accepted and is done.

        Cancelled while watching, it leaves the operation open: `info`, nobody knows.
        """
        story_id = await self._submit(number)
        if story_id is None:
            return False
        return await self._await(number, story_id)

    async def _submit(self, number: int) -> str | None:
        start = self._recorder.now()
        self._recorder.add(Op(t=start, f="submit", type="invoke", story=number))
        self.submitting += 1
        body = {
            "title": f"Story {number}",
            "prompt": f"A magical adventure, number {number}",
            "user_id": self._user_id,
        }
        deadline_s = self._clock.real_s(SUBMIT_DEADLINE_S, at_least_s=ANSWER_REAL_S)
        kind: Literal["ok", "fail", "info"] = "info"
        story_id: str | None = None
        error: str | None = "cancelled"
        try:
            answer = await self._http.post("/stories/", json=body, timeout=deadline_s)
            said, error = outcome_of(answer.status_code), f"HTTP {answer.status_code}"
            if said == "ok":
                story_id, error = str(answer.json()["id"]), None
            kind = said
        except httpx2.ConnectError as problem:
            kind, error = "fail", _say(problem)
        except httpx2.HTTPError as problem:
            error = _say(problem)
        finally:
            self.submitting -= 1
            if story_id is not None:
                self._ended[story_id] = anyio.Event()
                self.accepted.add(story_id)
            op = Op(t=start, f="submit", type=kind, story=number, story_id=story_id, error=error)
            self._complete(op)
        return story_id

    async def _await(self, number: int, story_id: str) -> bool:
        start = self._recorder.now()
        self._recorder.add(Op(t=start, f="await", type="invoke", story=number, story_id=story_id))
        look_s = LOOK_AGAIN_S
        outcome: Literal["ok", "fail", "info"] = "info"
        error: str | None = "the watch ended first"
        last: str | None = None
        try:
            while outcome == "info":
                again_s = self._clock.real_s(look_s, at_least_s=LOOK_AGAIN_REAL_S)
                with anyio.move_on_after(again_s):
                    await self._ended[story_id].wait()
                look_s = min(2 * look_s, LOOK_AGAIN_AT_MOST_S)
                status = await self._status(story_id)
                last = status or last
                if status == "done":
                    outcome, error = "ok", None
                elif status == "failed":
                    outcome, error = "fail", "the story failed"
                elif self._ended[story_id].is_set():
                    await anyio.sleep(0.05)  # the ledger is a moment ahead of the store
        finally:
            op = Op(t=start, f="await", type=outcome, story=number, story_id=story_id, error=error)
            if outcome == "info":
                op = msgspec.structs.replace(op, status=last)
            self._complete(op)
        if outcome == "ok":
            self.done.add(story_id)
        return outcome == "ok"

    async def _status(self, story_id: str) -> str | None:
        deadline_s = self._clock.real_s(READ_DEADLINE_S, at_least_s=ANSWER_REAL_S)
        try:
            answer = await self._http.get(f"/stories/{story_id}", timeout=deadline_s)
            return str(answer.json()["status"]) if answer.is_success else None
        except (httpx2.HTTPError, ValueError):
            return None

    def _complete(self, op: Op) -> None:
        """Record how an operation that was invoked at `op.t` came out now."""
        now = self._recorder.now()
        self._recorder.add(msgspec.structs.replace(op, t=now, latency_s=now - op.t))

    def _wake(self, event: AnyEvent) -> None:
        if isinstance(event, Task) and event.event == "end" and event.outcome == "ok":
            waiting = self._ended.get(event.story_id)
            if waiting is not None:
                waiting.set()


def _say(problem: Exception) -> str:
    return f"{type(problem).__name__}: {problem}".rstrip(": ")
