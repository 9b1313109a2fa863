"""The outbox in a world of a few lines: real store and reconcilers, a queue and a clock of ours."""

from __future__ import annotations

import tempfile
from collections import deque
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

import sqlalchemy as sa

from storymimi import stories
from storymimi.reconciler import Reconciler
from storymimi.stories import Claim, Content, Store

CONTENT = Content(text="once", picture="p", sound="s")
RENEW_S = stories.LEASE_S / 3
GRACE_S = 3.0
"""How long the reconciler leaves a new story to the request that stored it."""


class Message(NamedTuple):
    story_id: str
    published_at: float


class World:
    """Time goes by only in `wait`. It stands in for the publisher of its reconcilers."""

    def __init__(self) -> None:
        self.now = 1_000_000.0
        self._time, stories.time = stories.time, SimpleNamespace(time=lambda: self.now)  # type: ignore[assignment]
        self._folder = tempfile.TemporaryDirectory(prefix="outbox-")
        url = f"sqlite:///{Path(self._folder.name)}/stories.db"
        self.store = Store(url, pooled=True)
        self._reconcilers = [_reconciler(self.store, self) for _ in range(2)]
        self.broker_away = False
        self.queue: deque[Message] = deque()
        """In at the left, out at the right."""
        self.running: list[Claim] = []
        self.published = 0
        self.refused = 0

    def close(self) -> None:
        stories.time = self._time
        self.store.close()
        self._folder.cleanup()

    # What a reconciler asks of its publisher.

    def queue_time(self) -> float:
        self._reach_broker()
        return self.queue[-1].published_at if self.queue else self.now

    def publish(self, story_id: str) -> None:
        self._reach_broker()
        self.queue.appendleft(Message(story_id, self.now))
        self.published += 1

    def _reach_broker(self) -> None:
        if self.broker_away:
            raise ConnectionError("the broker is away")

    # What goes on in the system.

    def post(self) -> None:
        """The API stores a story, and publishes it if it can."""
        due_in_s = 0 if self.broker_away else GRACE_S
        story_id = self.store.create(title="t", prompt="p", user_id="u", due_in_s=due_in_s)
        if not self.broker_away:
            self.publish(story_id)
            self.store.mark_published(story_id)

    def take(self) -> Message | None:
        return self.queue.pop() if self.queue and not self.broker_away else None

    def begin(self, message: Message) -> Claim | None:
        claim = self.store.claim(message.story_id)
        if claim is None:
            self.refused += 1
        return claim

    def work(self) -> bool:
        """A worker takes a message and does what it says, at once. False: there is none."""
        if (message := self.take()) is None:
            return False
        if claim := self.begin(message):
            assert self.store.finish(claim, CONTENT)
        return True

    def reconcile(self, number: int = 0) -> None:
        try:
            self._reconcilers[number].tick()
        except ConnectionError:
            assert self.broker_away

    def wait(self, seconds: float) -> None:
        """Whoever is at work keeps the lease."""
        while seconds > 0:
            self.now += min(seconds, RENEW_S)
            seconds -= RENEW_S
            for claim in self.running:
                assert self.store.renew(claim)

    def unfinished(self) -> int:
        table = stories.stories
        asked = sa.select(sa.func.count()).where(table.c.status != stories.DONE)
        with self.store._engine.connect() as connection:
            return int(connection.execute(asked).scalar_one())


def _reconciler(store: Store, publisher: Any) -> Reconciler:
    reconciler = Reconciler("sqlite://")
    reconciler._store = store
    reconciler._publisher = publisher
    return reconciler
