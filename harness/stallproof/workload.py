"""The clients: each submits one story when its time has come, then waits for it to be done.

An open model: arrivals do not wait for one another, so a stalled system meets the same load
as a healthy one.
"""

from __future__ import annotations

import uuid
from typing import Literal

import anyio
import httpx2
import msgspec

from stallproof.history import AnyEvent, Op, Recorder, Task

SUBMIT_DEADLINE_S = 30.0
"""After this a client gives up and does not know what became of its story."""
READ_DEADLINE_S = 5.0
ANSWER_REAL_S = 5.0
"""An API on this machine gets at least so long to answer, whatever the speed."""
LOOK_AGAIN_S = 1.0
LOOK_AGAIN_REAL_S = 0.25
"""How often a client asks for a story of which the ledger has told nothing yet."""


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
        recorder.watch(self._wake)

    @property
    def waiting(self) -> int:
        """Stories accepted and not yet done."""
        return len(self.accepted - self.done)

    @property
    def idle(self) -> bool:
        """No submit under way, and every accepted story done."""
        return self.submitting == 0 and self.waiting == 0

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
            if answer.status_code == httpx2.codes.ACCEPTED:
                kind, story_id, error = "ok", str(answer.json()["id"]), None
            else:
                # 503 is the system's word that it did not take it; other 5xx leave it open.
                refused = answer.status_code < 500 or answer.status_code == 503
                kind, error = "fail" if refused else "info", f"HTTP {answer.status_code}"
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
        again_s = self._clock.real_s(LOOK_AGAIN_S, at_least_s=LOOK_AGAIN_REAL_S)
        outcome: Literal["ok", "fail", "info"] = "info"
        error: str | None = "the watch ended first"
        try:
            while outcome == "info":
                with anyio.move_on_after(again_s):
                    await self._ended[story_id].wait()
                status = await self._status(story_id)
                if status == "done":
                    outcome, error = "ok", None
                elif status == "failed":
                    outcome, error = "fail", "the story failed"
                elif self._ended[story_id].is_set():
                    await anyio.sleep(0.05)  # the ledger is a moment ahead of the store
        finally:
            op = Op(t=start, f="await", type=outcome, story=number, story_id=story_id, error=error)
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
