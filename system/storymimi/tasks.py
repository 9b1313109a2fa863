"""The one task: text, picture and sound of a story, in turn."""

from __future__ import annotations

import functools
import logging
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy.exc import SQLAlchemyError

from storymimi import deliveries
from storymimi.celery_app import celery_app, configuration, settings
from storymimi.ledger import Ledger
from storymimi.profiles import TASK
from storymimi.providers import Makers, makers_of
from storymimi.stories import LEASE_S, Claim, Content, Store

log = logging.getLogger(__name__)

RENEW_S = LEASE_S / 3
"""Two renewals may fail before the lease is lost."""

ledger = Ledger(settings.storymimi_ledger, instance=settings.instance_id)
deliveries.keep(ledger, service=settings.service_type)


@celery_app.task(name=TASK)  # type: ignore[untyped-decorator]  # celery has no types
def generate_story_task(story_id: str) -> None:
    """Work on a story once. A delivery that has no claim on it is acknowledged and left."""
    task_id = generate_story_task.request.id
    store = _store(os.getpid())
    claim = store.claim(story_id) if configuration.outbox else store.begin_unclaimed(story_id)
    if claim is None:
        story = store.get(story_id)
        status = "unknown" if story is None else story["status"]
        log.info("story %s is %s: nothing to do for this delivery", story_id, status)
        attempt = 0 if story is None else story["attempt"]
        ledger.write("skip", story_id, attempt=attempt, task_id=task_id)
        return
    ledger.write("start", story_id, attempt=claim.attempt, task_id=task_id)
    stored = False
    try:
        with _lease_kept(store, claim):
            stored = _work(store, claim)
    finally:
        outcome = "ok" if stored else "error"
        ledger.write("end", story_id, attempt=claim.attempt, outcome=outcome, task_id=task_id)


def _work(store: Store, claim: Claim) -> bool:
    """Make the story and store it. False: it passed to another meanwhile."""
    story = store.get(claim.story_id)
    if story is None:
        raise LookupError(f"story {claim.story_id} vanished from the store")
    try:
        content = _make(_makers(), claim.story_id, story)
    except Exception:
        store.fail(claim)
        raise
    if store.finish(claim, content):
        return True
    log.warning("story %s passed to another worker; this result is dropped", claim.story_id)
    return False


def _make(makers: Makers, story_id: str, story: dict[str, Any]) -> Content:
    text = makers.text.make(f"{story['title']}: {story['prompt']}").decode()
    picture = makers.picture.make(story["prompt"])
    sound = makers.sound.make(text)
    keep = makers.keeper.keep
    return Content(
        text=text,
        picture=keep(f"{story_id}/picture.jpg", picture, "image/jpeg"),
        sound=keep(f"{story_id}/sound.mp3", sound, "audio/mpeg"),
    )


@contextmanager
def _lease_kept(store: Store, claim: Claim) -> Iterator[None]:
    """Renew the lease in a thread while the work goes on."""
    if not configuration.outbox:
        yield
        return
    done = threading.Event()

    def renew() -> None:
        while not done.wait(RENEW_S):
            try:
                if not store.renew(claim):
                    return
            except SQLAlchemyError as error:
                log.warning("lease of story %s not renewed: %s", claim.story_id, error)

    thread = threading.Thread(target=renew, name="lease", daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()


@functools.lru_cache(maxsize=1)
def _store(_pid: int) -> Store:
    """A process's own store: a forked child must not use its parent's."""
    return Store(settings.database_url.get_secret_value())


@functools.cache
def _makers() -> Makers:
    return makers_of(settings)
