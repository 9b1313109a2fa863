"""The clients of one Locust process: an open model, so none waits for another.

Locust's own users are a closed model: each waits for its answer before it goes on, so a system
that stalls is sent less. Here one greenlet a process sends a client off at each moment of the
plan, whatever became of those before, and each client's time counts from that moment.
"""

from __future__ import annotations

import socket
import time
import uuid
from collections.abc import Sequence
from typing import Literal

import gevent
from gevent.pool import Pool
from locust import FastHttpUser
from locust.contrib.fasthttp import FastHttpSession

from stallproof.load.identity import Identity
from stallproof.load.lines import LineWriter, NotSent, Sent
from stallproof.load.measured import Tally
from stallproof.load.shapes import Shape
from stallproof.manners import LOOK_AGAIN_S, READ_DEADLINE_S, outcome_of

MOST_AT_ONCE = 5000
"""Clients under way in one process; one more is counted as not sent."""
FIRST_LOOK_S = 0.25
"""After this a client first asks for its story, then after twice as long, up to LOOK_AGAIN_S."""
STORY = "STORY"
ACCEPT, END_TO_END = "accept", "end to end"
NEVER_THERE = (ConnectionRefusedError, socket.gaierror)


class LostError(Exception):
    """Accepted, and not done when the drain limit was over."""


class FailedError(Exception):
    """The system itself says that the story failed."""


class Clients:
    """One process's share of the clients."""

    def __init__(
        self, user: FastHttpUser, *, shape: Shape, lines: LineWriter, identity: Identity
    ) -> None:
        self._user = user
        self._shape = shape
        self._lines = lines
        self._identity = identity
        self._user_id = str(uuid.uuid4())
        # A read is given up sooner than a POST, and the time limit is the session's.
        self._reader = FastHttpSession(
            base_url=user.host,
            request_event=user.environment.events.request,
            user=user,
            insecure=False,
            max_redirects=0,
            max_retries=0,
            concurrency=MOST_AT_ONCE,
            connection_timeout=READ_DEADLINE_S,
            network_timeout=READ_DEADLINE_S,
        )
        self._last_due = 0.0
        self._last_done = 0.0
        self.tally = Tally()

    def send(
        self, share: Sequence[tuple[int, float]], *, start: float, drain_limit_s: float
    ) -> Tally:
        """Send each client off when its moment has come; then wait for them, and no longer.

        `share` is (number, seconds after `start`); `start` is a moment of the monotonic clock.
        """
        tally = self.tally = Tally(planned=len(share))
        clients = Pool(MOST_AT_ONCE)
        for number, arrival_s in share:
            due = start + arrival_s
            gevent.sleep(max(due - time.monotonic(), 0.0))
            if clients.full():
                tally.not_sent += 1
                self._lines.write(NotSent(story=number, monotonic_s=due))
                continue
            clients.spawn(self._visit, number, due)
        thinking_s = (self._shape.stories_each - 1) * self._shape.think_s
        clients.join(timeout=drain_limit_s + thinking_s)
        over = self._last_done if tally.lost == 0 else time.monotonic()
        tally.drain_s = max(over - self._last_due, 0.0)
        clients.kill()
        return tally

    def _visit(self, number: int, due: float) -> None:
        each = self._shape.stories_each
        for story in range(number * each, (number + 1) * each):
            self._last_due = max(self._last_due, due)
            if (story_id := self._post(story, due)) is not None:
                self._watch(story, story_id)
            if self._shape.think_s:
                gevent.sleep(self._shape.think_s)
            due = time.monotonic()

    def _post(self, story: int, due: float) -> str | None:
        late_s = time.monotonic() - due
        self.tally.latest_s = max(self.tally.latest_s, late_s)
        self._lines.write(
            Sent(f="submit", type="invoke", story=story, monotonic_s=due, late_s=late_s)
        )
        body = {
            "title": f"Story {story}",
            "prompt": f"A magical adventure, number {story}",
            "user_id": self._user_id,
        }
        kind: Literal["ok", "fail", "info"] = "info"
        story_id: str | None = None
        error: str | None = "the load ended first"
        self.tally.posted += 1
        try:
            with self._user.client.post(
                "/stories/", json=body, headers=self._identity.headers(), catch_response=True
            ) as answer:
                if answer.status_code:
                    said, error = outcome_of(answer.status_code), f"HTTP {answer.status_code}"
                    if said == "ok":
                        story_id, error = str(answer.json()["id"]), None
                    else:
                        answer.failure(error)
                    kind = said
                else:
                    kind = "fail" if isinstance(answer.error, NEVER_THERE) else "info"
                    error = _say(answer.error)
        except (ValueError, KeyError, TypeError) as problem:
            error = f"the answer is not as documented: {_say(problem)}"
        finally:
            now = time.monotonic()
            if story_id is None:
                self.tally.refused += 1
            else:
                self.tally.accepted += 1
            self._tell(ACCEPT, now - due, None if story_id is not None else OSError(error))
            self._lines.write(
                Sent(
                    f="submit",
                    type=kind,
                    story=story,
                    monotonic_s=now,
                    story_id=story_id,
                    latency_s=now - due,
                    error=error,
                )
            )
        return story_id

    def _watch(self, story: int, story_id: str) -> None:
        """Ask until it is done; killed at the drain limit, it leaves the story lost."""
        begun, look_s = time.monotonic(), FIRST_LOOK_S
        self._lines.write(
            Sent(f="await", type="invoke", story=story, monotonic_s=begun, story_id=story_id)
        )
        kind: Literal["ok", "fail", "info"] = "info"
        problem: Exception | None = LostError("not done when the drain limit was over")
        try:
            while kind == "info":
                gevent.sleep(look_s)
                look_s = min(2 * look_s, LOOK_AGAIN_S)
                status = self._status(story_id)
                if status == "done":
                    kind, problem = "ok", None
                elif status == "failed":
                    kind, problem = "fail", FailedError("the system says that it failed")
        finally:
            now = time.monotonic()
            if kind == "ok":
                self.tally.done += 1
                self._last_done = max(self._last_done, now)
            elif kind == "fail":
                self.tally.failed += 1
            self._tell(END_TO_END, now - begun, problem)
            self._lines.write(
                Sent(
                    f="await",
                    type=kind,
                    story=story,
                    monotonic_s=now,
                    story_id=story_id,
                    latency_s=now - begun,
                    error=None if problem is None else str(problem),
                )
            )

    def _status(self, story_id: str) -> str | None:
        answer = self._reader.get(
            f"/stories/{story_id}", name="/stories/{id}", headers=self._identity.headers()
        )
        try:
            return str(answer.json()["status"]) if answer.status_code == 200 else None
        except (ValueError, KeyError, TypeError):
            return None

    def _tell(self, name: str, seconds: float, problem: Exception | None) -> None:
        """A line of Locust's own statistics, beside those of the requests."""
        self._user.environment.events.request.fire(
            request_type=STORY,
            name=name,
            response_time=seconds * 1000,
            response_length=0,
            exception=problem,
            context={},
        )


def _say(problem: BaseException | None) -> str:
    return f"{type(problem).__name__}: {problem}".rstrip(": ")
