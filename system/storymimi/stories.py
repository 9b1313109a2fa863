"""The story store: SQLite or PostgreSQL. It is the outbox, and the judge of who may work.

A story's life: pending (stored) -> published -> running -> done or failed. `due_at` is the one
clock of the outbox: the moment after which somebody should publish the story again, because it
was never published, was published and not begun, or its worker's lease ran out.

A published story's moment is one of the queue's own time: when the message that is next was
published. While the queue is behind, its time is, too, and so nobody publishes again what merely
waits: messages without use would put the queue further behind, which would make more of them.

Every change of hands is a single UPDATE ... WHERE, so whoever changed a row owns the change,
on both databases and among any number of processes.
"""

from __future__ import annotations

import math
import time
import uuid
from collections.abc import Sequence
from typing import Any, NamedTuple

import sqlalchemy as sa

from storymimi.database import open_engine

PENDING, PUBLISHED, RUNNING, DONE, FAILED = "pending", "published", "running", "done", "failed"

LEASE_S = 6.0
"""How long a worker that has gone silent keeps its story."""
REPUBLISH_AFTER_S = 5.0
"""A published story that nobody has begun is published again after this in the queue's time, then
after twice as long each time: one that ends whoever begins it must not keep all workers busy."""
REPUBLISH_AFTER_MAX_S = 300.0
_DOUBLINGS = math.ceil(math.log2(REPUBLISH_AFTER_MAX_S / REPUBLISH_AFTER_S))
PUBLISH_RETRY_S = 1.0

_metadata = sa.MetaData()
stories = sa.Table(
    "stories",
    _metadata,
    sa.Column("id", sa.String(36), primary_key=True),
    sa.Column("user_id", sa.String(36), nullable=False),
    sa.Column("title", sa.Text, nullable=False),
    sa.Column("prompt", sa.Text, nullable=False),
    sa.Column("status", sa.String(16), nullable=False),
    sa.Column("attempt", sa.Integer, nullable=False, default=0),
    sa.Column("publishes", sa.Integer, nullable=False, default=0),
    sa.Column("due_at", sa.Float, nullable=False),
    sa.Column("owner", sa.String(36)),
    sa.Column("text", sa.Text),
    sa.Column("picture", sa.Text),
    sa.Column("sound", sa.Text),
    sa.Column("created_at", sa.Float, nullable=False),
    sa.Index("stories_due", "status", "due_at"),
)
_c = stories.c


class Claim(NamedTuple):
    """The right to work on a story, until its lease runs out."""

    story_id: str
    attempt: int
    owner: str


class Content(NamedTuple):
    text: str
    picture: str
    sound: str


class Due(NamedTuple):
    """A story that is to be published, for the `publishes`th time."""

    story_id: str
    publishes: int


class Store:
    """All access to stories. Safe among threads; each process opens its own.

    Every method raises `sqlalchemy.exc.SQLAlchemyError` when the database fails, within
    `database.WAIT_S` or so.
    """

    def __init__(self, url: str, *, pooled: bool = False) -> None:
        self._engine = open_engine(url, metadata=_metadata, pooled=pooled)

    def create(self, *, title: str, prompt: str, user_id: str, due_in_s: float) -> str:
        """Store a new story; with an outbox it will be published, at the latest from then on."""
        story_id = str(uuid.uuid4())
        now = time.time()
        self._execute(
            sa.insert(stories).values(
                id=story_id,
                user_id=user_id,
                title=title,
                prompt=prompt,
                status=PENDING,
                due_at=now + due_in_s,
                created_at=now,
            )
        )
        return story_id

    def get(self, story_id: str) -> dict[str, Any] | None:
        with self._engine.connect() as connection:
            rows = connection.execute(sa.select(stories).where(_c.id == story_id))
            row = rows.mappings().first()
        return None if row is None else dict(row)

    def mark_published(self, story_id: str) -> None:
        """A worker may already have begun it: then its status stays."""
        self._execute(
            sa.update(stories)
            .where(_c.id == story_id, _c.status == PENDING)
            .values(
                status=PUBLISHED, publishes=_c.publishes + 1, due_at=time.time() + REPUBLISH_AFTER_S
            )
        )

    def mark_failed(self, story_id: str) -> None:
        """It was never published; nothing will be done about it."""
        self._execute(
            sa.update(stories).where(_c.id == story_id, _c.status == PENDING).values(status=FAILED)
        )

    def claim(self, story_id: str, *, lease_s: float = LEASE_S) -> Claim | None:
        """Take the story for one attempt; None when it is over or leased to another."""
        now = time.time()
        return self._begin(
            story_id,
            sa.or_(
                _c.status.in_((PENDING, PUBLISHED)),
                sa.and_(_c.status == RUNNING, _c.due_at < now),
            ),
            due_at=now + lease_s,
        )

    def begin_unclaimed(self, story_id: str) -> Claim | None:
        """Begin without asking whether anybody else has: Celery's own at-least-once.

        None: no such story.
        """
        return self._begin(story_id, sa.true(), due_at=time.time())

    def _begin(
        self, story_id: str, condition: sa.ColumnElement[bool], *, due_at: float
    ) -> Claim | None:
        owner = str(uuid.uuid4())
        with self._engine.begin() as connection:
            attempt = connection.execute(
                sa.update(stories)
                .where(_c.id == story_id, condition)
                .values(status=RUNNING, owner=owner, attempt=_c.attempt + 1, due_at=due_at)
                .returning(_c.attempt)
            ).scalar_one_or_none()
        return None if attempt is None else Claim(story_id, attempt, owner)

    def renew(self, claim: Claim, *, lease_s: float = LEASE_S) -> bool:
        """Keep the lease alive. False: the story has passed to another."""
        return self._as_owner(claim, due_at=time.time() + lease_s)

    def finish(self, claim: Claim, content: Content) -> bool:
        """Store the result. False: the story has passed to another, the result is dropped."""
        return self._as_owner(claim, status=DONE, **content._asdict())

    def fail(self, claim: Claim) -> bool:
        """The work could not be done. False: the story has passed to another."""
        return self._as_owner(claim, status=FAILED)

    def _as_owner(self, claim: Claim, **values: Any) -> bool:
        return self._execute(
            sa.update(stories)
            .where(_c.id == claim.story_id, _c.owner == claim.owner, _c.status == RUNNING)
            .values(**values)
        )

    def take_due(self, *, limit: int, queue_time: float) -> Sequence[Due]:
        """Take stories for publishing (again): no other reconciler gets them as well.

        `queue_time`: what is next in the queue was published then, in seconds since the epoch;
        now, if nothing waits. A worker whose lease has run out loses its story here, whether it
        lives or not.
        """
        now = time.time()
        due = (
            sa.select(_c.id)
            .where(
                sa.or_(
                    sa.and_(_c.status.in_((PENDING, RUNNING)), _c.due_at <= now),
                    sa.and_(_c.status == PUBLISHED, _c.due_at <= queue_time),
                )
            )
            .order_by(_c.due_at)
            .limit(limit)
            .with_for_update(skip_locked=True)  # SQLite locks as a whole, and leaves this out
            .cte("due")
        )
        doubled_s = REPUBLISH_AFTER_S * sa.literal(1).bitwise_lshift(_c.publishes)
        wait_s = sa.case((_c.publishes < _DOUBLINGS, doubled_s), else_=REPUBLISH_AFTER_MAX_S)
        with self._engine.begin() as connection:
            rows = connection.execute(
                sa.update(stories)
                .where(_c.id.in_(sa.select(due.c.id)))
                .values(
                    status=PUBLISHED, owner=None, publishes=_c.publishes + 1, due_at=now + wait_s
                )
                .returning(_c.id, _c.publishes)
            )
            return [Due(*row) for row in rows]

    def give_back(self, taken: Sequence[Due]) -> None:
        """Publishing what was taken failed: due again soon, and not counted."""
        self._execute(
            sa.update(stories)
            .where(sa.tuple_(_c.id, _c.publishes).in_(taken), _c.status == PUBLISHED)
            .values(
                status=PENDING, publishes=_c.publishes - 1, due_at=time.time() + PUBLISH_RETRY_S
            )
        )

    def close(self) -> None:
        self._engine.dispose()

    def _execute(self, statement: sa.UpdateBase) -> bool:
        """Whether the statement changed a row."""
        with self._engine.begin() as connection:
            return connection.execute(statement).rowcount == 1
