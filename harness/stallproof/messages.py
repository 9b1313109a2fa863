"""What the broker holds of Celery's work, by name: the values, and how kombu's envelope is read.

A message is a JSON object whose `body` is base64 of `[args, kwargs, embed]` (Celery's protocol 2);
the first argument is the story's id. In `unacked` it stands as `[message, exchange, routing key]`.
Source: kombu/transport/redis.py (`QoS.append`), celery/app/amqp.py (`as_task_v2`).
"""

from __future__ import annotations

import base64

import msgspec

_UNREADABLE = (msgspec.MsgspecError, ValueError, RecursionError)

PRIORITY_SEPARATOR = "\x06\x16"
"""Between a queue's name and a priority, in the name of a list of its own. Source: kombu."""


class Message(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A message in the broker, as far as it tells whose it is."""

    story_id: str | None = None
    """The first argument of its task; None: the message is not one that can be read so."""
    task_id: str | None = None
    """Celery's id: the same when a message is delivered again, another when published again."""
    redelivered: bool = False
    """kombu has put it back at least once."""


class Waiting(Message, frozen=True, kw_only=True, omit_defaults=True):
    """One in a queue."""

    queue: str
    priority: int = 0


class Unacked(Message, frozen=True, kw_only=True, omit_defaults=True):
    """One in a worker's hands, or in a dead worker's."""

    delivered_s: float | None = None
    """UNIX time of the system at which it was delivered; None: `unacked_index` does not say. It
    comes back at the first scan for such messages after `visibility_timeout` more."""


class Holdings(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """All messages of the broker at one moment."""

    waiting: tuple[Waiting, ...] = ()
    """Of each queue those first that are to be taken next."""
    unacked: tuple[Unacked, ...] = ()
    keys: int = 0
    """Of any kind: 0, and the broker is empty."""
    not_read: int = 0
    """Messages beyond what was to be read: they are there, and have no names here."""
    unseen: str | None = None
    """Why nothing could be read; None: it could."""

    @property
    def unreadable(self) -> int:
        """Messages that were read and name no story: none of ours, mangled or too long."""
        return sum(message.story_id is None for message in (*self.waiting, *self.unacked))


class _Headers(msgspec.Struct, frozen=True):
    id: str | None = None
    redelivered: bool = False


class _Envelope(msgspec.Struct, frozen=True):
    body: str
    headers: _Headers = _Headers()


def read_message(raw: str) -> Message:
    """The message in a queue; without a story id if that is not what it is."""
    try:
        return _message(msgspec.json.decode(raw, type=_Envelope))
    except _UNREADABLE:
        return Message()


def read_unacked(raw: str) -> Message:
    """The same of a value of `unacked`."""
    try:
        envelope, *_ = msgspec.json.decode(raw, type=tuple[_Envelope, str, str])
        return _message(envelope)
    except _UNREADABLE:
        return Message()


def _message(envelope: _Envelope) -> Message:
    """Raises ValueError (or one of msgspec's) where the body is not of protocol 2."""
    body = msgspec.json.decode(base64.b64decode(envelope.body, validate=True))
    match body:
        case [[str(story_id), *_], dict(), *_]:
            headers = envelope.headers
            return Message(story_id=story_id, task_id=headers.id, redelivered=headers.redelivered)
    raise ValueError("the first argument is not a story's id")
