"""The reconciler publishes again what is stored and should be running, and is not.

It lives in the worker, not in the API: Cloud Run freezes an API instance between requests,
a worker with CPU always on has time. Any number of workers may run one.

It works while the worker forks: SQLite and libpq can't be carried across a fork in the middle
of a call (locks held for ever, or thought held in the child). So the fork waits for it.
"""

from __future__ import annotations

import logging
import os
import threading

from storymimi.publishing import Publisher
from storymimi.stories import Store

log = logging.getLogger(__name__)

TICK_S = 1.0
BATCH = 20
"""Stories taken at once. They are published long before any of them could be due again."""


class Reconciler:
    def __init__(self, url: str) -> None:
        self._url = url
        self._store: Store | None = None
        self._publisher = Publisher()
        self._in_database = threading.Lock()
        os.register_at_fork(
            before=self._in_database.acquire,
            after_in_parent=self._in_database.release,
            after_in_child=self._in_database.release,
        )
        self._thread = threading.Thread(target=self._run, name="reconciler", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def _run(self) -> None:
        idle = threading.Event()
        while True:
            try:
                self.tick()
            except Exception as error:  # noqa: BLE001 (broker or database: the next tick tries)
                log.warning("reconciler: %s: %s", type(error).__name__, _first_line(error))
            idle.wait(TICK_S)

    def tick(self) -> None:
        """Publish all that is due. Whatever goes wrong ends it; nothing is lost by that."""
        while self._publish_batch() == BATCH:
            pass

    def _publish_batch(self) -> int:
        """How many were due, `BATCH` at most."""
        queue_time = self._publisher.queue_time()
        with self._in_database:
            self._store = self._store or Store(self._url)
            store = self._store
            taken = store.take_due(limit=BATCH, queue_time=queue_time)
        for number, due in enumerate(taken):
            try:
                self._publisher.publish(due.story_id)
            except Exception:
                with self._in_database:
                    store.give_back(taken[number:])
                raise
            log.info("story %s published by the reconciler", due.story_id)
        return len(taken)


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0]
