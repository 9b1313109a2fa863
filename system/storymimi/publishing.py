"""Publishing a story's message in a bounded time, over a connection of one's own.

Each message bears the moment at which it was published. Its queue is first in, first out, so the
message that is taken next tells how far the queue is behind.
"""

from __future__ import annotations

import json
import logging
import math
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

from storymimi.celery_app import celery_app
from storymimi.profiles import TASK
from storymimi.stories import Store
from storymimi.tasks import generate_story_task

log = logging.getLogger(__name__)

SOCKET_TIMEOUT_S = 2
"""Each wait for the network: a connect, an answer. One publish makes a few of them."""
DEADLINE_S = 2.0
"""How long a request waits for its publish, whatever the broker does."""
PAUSE_S = 3.0
"""After a failure requests leave publishing to the reconciler for so long."""
PUBLISHED_AT = "published_at"
"""The header with the moment, in seconds since the epoch."""


class Publisher:
    """One connection, made when needed and given up after any failure. For one thread only."""

    def __init__(self) -> None:
        self._connection: Any = None
        self._queue: str = celery_app.amqp.router.route({}, TASK)["queue"].name

    def publish(self, story_id: str) -> None:
        """Put the story's message into its queue, or raise whatever kombu raised."""
        with self._connected() as connection:
            # No retry by kombu: the outbox is the retry.
            generate_story_task.apply_async(
                (story_id,), connection=connection, retry=False, headers={PUBLISHED_AT: time.time()}
            )

    def queue_time(self) -> float:
        """When the message was published that is taken next; now, if none waits.

        Whatever was published earlier is not in the queue. Where that message does not tell (it
        is not ours, or an older version's), nothing is known to be missing: minus infinity.

        Raises whatever kombu raised.
        """
        now = time.time()
        with (
            self._connected() as connection,
            connection.default_channel.conn_or_acquire() as client,
        ):
            message = client.lindex(self._queue, -1)  # LPUSH in, BRPOP out
        return now if message is None else _published_at(message)

    @contextmanager
    def _connected(self) -> Iterator[Any]:
        if self._connection is None:
            self._connection = celery_app.connection_for_write(
                transport_options={
                    "socket_timeout": SOCKET_TIMEOUT_S,
                    "socket_connect_timeout": SOCKET_TIMEOUT_S,
                    "retry_on_timeout": False,
                    # One try to connect (kombu takes 0 for "no limit"), without a wait.
                    "max_retries": 1,
                    "interval_start": 0,
                    "interval_step": 0,
                    "interval_max": 0,
                    "connect_retries_timeout": SOCKET_TIMEOUT_S,
                }
            )
        try:
            yield self._connection
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            try:
                connection.collect(socket_timeout=SOCKET_TIMEOUT_S)
            except Exception:
                log.debug("closing a failed connection", exc_info=True)


def _published_at(message: bytes) -> float:
    try:
        return float(json.loads(message)["headers"][PUBLISHED_AT])
    except (ValueError, TypeError, KeyError):
        return -math.inf


class RequestPublisher:
    """Publishes for the API's requests, which must be answered whatever the broker does.

    A single thread publishes; a request waits for it no longer than `DEADLINE_S` and is
    answered all the same: the story is stored, and the reconciler publishes what is left.
    After a failure nobody tries for `PAUSE_S`, so that an outage costs few requests the wait
    and never fills the server's threads.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._publisher = Publisher()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="publish")
        self._paused_until = 0.0

    @property
    def paused(self) -> bool:
        return time.monotonic() < self._paused_until

    def try_publish(self, story_id: str) -> bool:
        """Whether it is known to be published. False says nothing: it may be, later."""
        if self.paused:
            return False
        future = self._thread.submit(self._publish, story_id)
        try:
            future.result(DEADLINE_S)
        except Exception as error:  # noqa: BLE001 (kombu raises anything; all mean: not now)
            future.cancel()
            self._paused_until = time.monotonic() + PAUSE_S
            log.warning("story %s left to the reconciler: %s", story_id, type(error).__name__)
            return False
        return True

    def _publish(self, story_id: str) -> None:
        self._publisher.publish(story_id)
        self._store.mark_published(story_id)

    def close(self) -> None:
        self._thread.shutdown(wait=False, cancel_futures=True)
