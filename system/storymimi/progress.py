"""Sees whether the consumer makes progress with the broker.

The Redis transport asks for work with BRPOP, which the server answers within a second even
when there is none. So a consumer that works hears an answer about once a second, and one that
is mute hears none, whatever else still answers. While its hands are full it does not ask; then
a turn of its event loop counts.
"""

# kombu is typed in parts only.
# mypy: disable-error-code="no-untyped-call"

from __future__ import annotations

import time
from queue import Empty
from typing import Any

from kombu.transport import TRANSPORT_ALIASES, redis

_last_s: float | None = None


def silence_s() -> float | None:
    """Seconds since the last progress; None before the first."""
    return None if _last_s is None else time.monotonic() - _last_s


def watch() -> None:
    """Make every Redis connection from now on in this process report its progress."""
    for scheme in ("redis", "rediss"):
        TRANSPORT_ALIASES[scheme] = f"{__name__}:Transport"


def _progressed() -> None:
    global _last_s  # noqa: PLW0603 (one consumer a process; a health thread reads it)
    _last_s = time.monotonic()


class Channel(redis.Channel):
    def _connparams(self, asynchronous: bool = False) -> Any:  # noqa: FBT001, FBT002 (kombu's own)
        """What to connect to, or the news that there is nothing any more.

        kombu (5.7.0 among others) answers AttributeError for a channel whose transport is
        closed. So a task that outlives its connection makes Celery's ack, or the giving back of
        unacknowledged messages, "unrecoverable": the worker shuts down, and waits up to half a
        minute for its children first. A connection error it knows how to live with. The message
        stays in `unacked`; the reconciler does not wait for that.
        """
        if self.connection is None or self.connection.client is None:
            raise ConnectionError("the channel's connection is closed")
        return super()._connparams(asynchronous)

    def _brpop_read(self, **options: Any) -> Any:
        try:
            answer = super()._brpop_read(**options)
        except Empty:
            _progressed()
            raise
        _progressed()
        return answer


class _Poller(redis.MultiChannelPoller):
    def on_poll_start(self) -> None:
        super().on_poll_start()
        consuming = [channel for channel in self._channels if channel.active_queues]
        if consuming and not any(channel.qos.can_consume() for channel in consuming):
            _progressed()


class Transport(redis.Transport):
    Channel = Channel

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # Nothing is registered with the poller yet: its own replaces it before the first use.
        self.cycle: Any = _Poller()
