"""The HTTP API: stories in, stories out. Plain `def` endpoints, because kombu blocks."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

from fastapi import FastAPI, HTTPException, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from sqlalchemy.exc import SQLAlchemyError

from storymimi import stories
from storymimi.celery_app import configuration, settings
from storymimi.publishing import DEADLINE_S, RequestPublisher
from storymimi.readiness import BrokerProbe
from storymimi.stories import Store
from storymimi.tasks import generate_story_task

log = logging.getLogger(__name__)

PUBLISH_GRACE_S = DEADLINE_S + 1
"""How long the reconciler leaves a new story to the request that stored it."""


class NewStory(BaseModel):
    title: str = Field(min_length=1, max_length=200)
    prompt: str = Field(min_length=1, max_length=10_000)
    user_id: UUID


class Accepted(BaseModel):
    id: str
    status: str


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    app.state.store = Store(settings.database_url.get_secret_value(), pooled=True)
    app.state.publisher = RequestPublisher(app.state.store)
    app.state.probe = BrokerProbe(settings.redis_url.get_secret_value())
    yield
    app.state.publisher.close()
    app.state.probe.close()
    app.state.store.close()


app = FastAPI(title="StoryMimi", lifespan=_lifespan)


@app.exception_handler(SQLAlchemyError)
def _database_failed(_request: Request, error: Exception) -> JSONResponse:
    """Nothing is accepted that is not stored."""
    log.warning("database: %s", type(error).__name__)
    return JSONResponse({"detail": "the story store does not answer"}, status_code=503)


@app.post("/stories/", status_code=202)
def create_story(story: NewStory, request: Request) -> Accepted:
    """Accept a story. With the outbox, stored is accepted: it will be published."""
    store: Store = request.app.state.store
    publisher: RequestPublisher = request.app.state.publisher
    left_to_reconciler = configuration.outbox and publisher.paused
    story_id = store.create(
        title=story.title,
        prompt=story.prompt,
        user_id=str(story.user_id),
        due_in_s=0 if left_to_reconciler else PUBLISH_GRACE_S,
    )
    if configuration.outbox:
        published = publisher.try_publish(story_id)
        return Accepted(id=story_id, status=stories.PUBLISHED if published else stories.PENDING)
    try:
        generate_story_task.delay(story_id)
    except Exception as error:
        log.warning("story %s not published: %s", story_id, type(error).__name__)
        store.mark_failed(story_id)
        raise HTTPException(503, "the broker did not take the story") from error
    store.mark_published(story_id)
    return Accepted(id=story_id, status=stories.PUBLISHED)


@app.get("/stories/{story_id}")
def read_story(story_id: str, request: Request) -> dict[str, Any]:
    story = request.app.state.store.get(story_id)
    if story is None:
        raise HTTPException(404, "no such story")
    shown = ["id", "status", "title"]
    if story["status"] == stories.DONE:
        shown += ["text", "picture", "sound"]
    return {key: story[key] for key in shown}


@app.get("/health")
def health() -> dict[str, str]:
    """The process answers. Whether the broker does is asked of `/ready`."""
    return {"status": "ok"}


@app.get("/ready")
def ready(request: Request, response: Response) -> dict[str, str]:
    """Whether the broker answers; known within two seconds."""
    reason = request.app.state.probe.why_not()
    if reason is None:
        return {"status": "ok"}
    response.status_code = 503
    return {"status": "not ready", "reason": reason}
