"""What became of an accepted story that was not done: the values."""

from __future__ import annotations

from enum import StrEnum

import msgspec


class Cause(StrEnum):
    """Where an accepted story stands that was not done when the watch ended."""

    FAILED = "failed"
    """Its last attempt ended in error, or the API says so."""
    QUEUED = "in the queue"
    RUNNING = "started and still running"
    UNACKED = "in unacked"
    """Delivered to a worker that has not ended it, or exited: it comes back after the visibility
    timeout."""
    NEVER_PUBLISHED = "never published"
    POPPED = "popped and never registered"
    """kombu's gap: BRPOP took it over a connection that no longer led to a worker."""
    DROPPED = "received and never started"
    LOST_WITH_DATA = "lost with the broker's data"
    KILLED = "started and killed"
    UNTRACED = "gone without a trace"
    """The broker has no message of it, and the system kept no record of its messages."""
    UNKNOWN = "unknown"
    """The broker could not be read at the end: it may hold the message, or not."""

    @property
    def lost(self) -> bool:
        """Nobody has it any more but an outbox."""
        return self in _LOST


_LOST = (
    Cause.NEVER_PUBLISHED,
    Cause.POPPED,
    Cause.DROPPED,
    Cause.LOST_WITH_DATA,
    Cause.KILLED,
    Cause.UNTRACED,
)


class Fate(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What became of one accepted story that was not done when the watch ended."""

    story: int
    """The client's number for it."""
    story_id: str | None
    accepted_s: float
    """Seconds after load starts."""
    cause: Cause
    evidence: str
    """What was seen, with its moments in seconds after load starts."""
    back_s: float | None = None
    """From when on a worker's scan may bring it back: seconds after load starts."""
