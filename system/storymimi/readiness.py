"""Whether the broker answers, known in a bounded time."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeoutError
from threading import Lock

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

SOCKET_TIMEOUT_S = 1.0
ANSWER_WITHIN_S = 1.7


class BrokerProbe:
    """Asks with a PING on a connection made for it.

    In a thread of its own, because looking up a name knows no timeout. Questions that come
    while one is under way share its answer.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="ready")
        self._lock = Lock()
        self._asked: Future[str | None] | None = None

    def why_not(self) -> str | None:
        """None when the broker answers; otherwise what happened instead."""
        with self._lock:
            if self._asked is None or self._asked.done():
                self._asked = self._thread.submit(self._ask)
            asked = self._asked
        try:
            return asked.result(ANSWER_WITHIN_S)
        except FutureTimeoutError:
            return f"the broker gave no answer within {ANSWER_WITHIN_S} s"

    def _ask(self) -> str | None:
        client = redis.Redis.from_url(
            self._url,
            socket_timeout=SOCKET_TIMEOUT_S,
            socket_connect_timeout=SOCKET_TIMEOUT_S,
            retry=Retry(NoBackoff(), 0),
        )
        try:
            client.ping()
        except redis.RedisError as error:
            return f"the broker: {type(error).__name__}: {error}"
        finally:
            client.close()
        return None

    def close(self) -> None:
        self._thread.shutdown(wait=False, cancel_futures=True)
