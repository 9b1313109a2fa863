"""The store: who may work on a story, and when it is published again.

On SQLite always; on PostgreSQL too where TEST_DATABASE_URL names one.
"""

from __future__ import annotations

import math
import os
import subprocess
import sys
import time
import uuid
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from pydantic import SecretStr

from storymimi import stories
from storymimi.settings import Settings
from storymimi.stories import Content, Due, Store

CONTENT = Content(text="once", picture="p", sound="s")


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/stories.db"
    given = os.environ.get("TEST_DATABASE_URL")
    if given is None:
        pytest.skip("TEST_DATABASE_URL names no PostgreSQL")
    return Settings(database_url=SecretStr(given)).database_url.get_secret_value()


@pytest.fixture
def store(url: str) -> Any:
    store = Store(url)
    with store._engine.begin() as connection:
        connection.execute(sa.delete(stories.stories))
    yield store
    store.close()


def new(store: Store, *, due_in_s: float = 60) -> str:
    return store.create(title="t", prompt="p", user_id=str(uuid.uuid4()), due_in_s=due_in_s)


def take_due(store: Store, *, behind_s: float = 0) -> Sequence[Due]:
    """`behind_s`: how long ago the next message in the queue was published."""
    return store.take_due(limit=10, queue_time=time.time() - behind_s)


def status(store: Store, story_id: str) -> str:
    story = store.get(story_id)
    assert story is not None
    return str(story["status"])


def test_a_story_goes_from_pending_to_done(store: Store) -> None:
    story_id = new(store)
    seen = [status(store, story_id)]
    store.mark_published(story_id)
    seen.append(status(store, story_id))
    claim = store.claim(story_id)
    assert claim is not None
    seen.append(status(store, story_id))
    assert store.finish(claim, CONTENT)
    seen.append(status(store, story_id))

    assert seen == ["pending", "published", "running", "done"]
    story = store.get(story_id)
    assert story is not None
    assert (story["text"], story["picture"], story["sound"]) == ("once", "p", "s")
    assert take_due(store) == []


def test_of_many_that_claim_at_once_one_gets_it(store: Store, url: str) -> None:
    story_id = new(store)
    rivals = [Store(url) for _ in range(8)]

    with ThreadPoolExecutor(8) as threads:
        claims = list(threads.map(lambda rival: rival.claim(story_id), rivals))

    assert sum(claim is not None for claim in claims) == 1


def test_of_many_reconcilers_one_takes_a_due_story(store: Store, url: str) -> None:
    due = {new(store, due_in_s=0) for _ in range(20)}
    rivals = [Store(url) for _ in range(8)]

    with ThreadPoolExecutor(8) as threads:
        shares = list(threads.map(take_due, rivals))
    taken = [story for share in shares for story in share]

    assert sorted(taken) == sorted(Due(story_id, publishes=1) for story_id in due)


def test_a_lease_that_ran_out_can_be_claimed_and_its_owner_is_shut_out(store: Store) -> None:
    story_id = new(store)
    silent = store.claim(story_id, lease_s=0)
    assert silent is not None

    heir = store.claim(story_id)

    assert heir is not None
    assert heir.attempt == 2
    assert not store.renew(silent)
    assert not store.finish(silent, CONTENT)
    assert not store.fail(silent)
    assert store.finish(heir, CONTENT)


def test_a_lease_that_holds_turns_others_away(store: Store) -> None:
    story_id = new(store)
    claim = store.claim(story_id, lease_s=0)
    assert claim is not None
    assert store.renew(claim, lease_s=60)

    assert store.claim(story_id) is None
    assert take_due(store) == []


@pytest.mark.parametrize("end", ["done", "failed"])
def test_a_story_that_is_over_is_never_claimed_or_published_again(store: Store, end: str) -> None:
    story_id = new(store, due_in_s=0)
    claim = store.claim(story_id, lease_s=0)
    assert claim is not None
    assert store.finish(claim, CONTENT) if end == "done" else store.fail(claim)

    assert store.claim(story_id) is None
    assert take_due(store) == []
    assert status(store, story_id) == end


def test_a_silent_workers_story_is_due_and_taken_from_it(store: Store) -> None:
    story_id = new(store)
    claim = store.claim(story_id, lease_s=0)
    assert claim is not None

    assert take_due(store) == [Due(story_id, publishes=1)]

    assert status(store, story_id) == "published"
    assert not store.finish(claim, CONTENT)


def test_the_longest_due_are_taken_first_and_no_more_than_asked(store: Store) -> None:
    late, early = new(store, due_in_s=-1), new(store, due_in_s=-2)

    first = store.take_due(limit=1, queue_time=_now())
    second = store.take_due(limit=1, queue_time=_now())

    assert [due.story_id for due in (*first, *second)] == [early, late]


def test_what_may_still_wait_in_the_queue_is_not_published_again(store: Store) -> None:
    story_id = new(store)
    store.mark_published(story_id)
    _due_at(store, story_id, set_to=_now() - 10)

    assert take_due(store, behind_s=11) == []
    assert [due.story_id for due in take_due(store, behind_s=9)] == [story_id]


def test_a_queue_that_is_behind_holds_up_neither_new_stories_nor_a_silent_workers(
    store: Store,
) -> None:
    never_published, begun = new(store, due_in_s=0), new(store)
    assert store.claim(begun, lease_s=0)

    taken = take_due(store, behind_s=math.inf)

    assert {due.story_id for due in taken} == {never_published, begun}


def test_each_publication_doubles_the_wait_up_to_a_limit(store: Store) -> None:
    story_id = new(store, due_in_s=0)
    waits = []
    for publishes in range(1, 10):
        assert take_due(store) == [Due(story_id, publishes)]
        waits.append(round(_due_at(store, story_id, set_to=0) - _now()))

    assert waits == [5, 10, 20, 40, 80, 160, 300, 300, 300]


def test_publications_that_failed_are_not_counted(store: Store) -> None:
    failed = [new(store, due_in_s=0) for _ in range(2)]
    taken = take_due(store)
    begun = new(store, due_in_s=0)
    (of_begun,) = take_due(store)
    assert store.claim(begun)

    store.give_back([*taken, of_begun])

    for story_id in failed:
        story = store.get(story_id)
        assert story is not None
        assert (story["status"], story["publishes"]) == ("pending", 0)
        assert 0 < story["due_at"] - _now() <= stories.PUBLISH_RETRY_S
    assert status(store, begun) == "running"


def test_marking_a_story_published_does_not_undo_its_start(store: Store) -> None:
    story_id = new(store)
    assert store.claim(story_id)

    store.mark_published(story_id)

    assert status(store, story_id) == "running"


def test_without_claims_each_delivery_begins(store: Store) -> None:
    story_id = new(store)
    first, second = store.begin_unclaimed(story_id), store.begin_unclaimed(story_id)

    assert first is not None
    assert second is not None
    assert (first.attempt, second.attempt) == (1, 2)
    assert store.begin_unclaimed(str(uuid.uuid4())) is None


@pytest.mark.real
def test_processes_that_start_at_once_all_find_the_tables(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/fresh.db"
    code = f"from storymimi.stories import Store; Store({url!r}).get('x')"

    starters = [
        subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.PIPE) for _ in range(6)
    ]

    assert [(p.wait(timeout=30), p.stderr.read() if p.stderr else b"") for p in starters] == [
        (0, b"")
    ] * 6


def _now() -> float:
    return time.time()


def _due_at(store: Store, story_id: str, *, set_to: float) -> float:
    """When it was due; now it is due at `set_to`."""
    with store._engine.begin() as connection:
        table = stories.stories
        was = connection.execute(
            sa.select(table.c.due_at).where(table.c.id == story_id)
        ).scalar_one()
        connection.execute(sa.update(table).where(table.c.id == story_id).values(due_at=set_to))
    return float(was)
