"""The Celery application, made from the environment: profile, overrides, broker, backend.

As any Celery project has it: `celery --app storymimi.celery_app worker` works too.
"""

from __future__ import annotations

import os
from typing import Any

from storymimi import log
from storymimi.configuration import configuration_of
from storymimi.settings import get_settings

settings = get_settings()
configuration = configuration_of(settings)

if configuration.remap_sigterm:
    # billiard reads it when it is first imported, and celery imports billiard.
    os.environ["REMAP_SIGTERM"] = configuration.remap_sigterm

from celery import Celery, signals  # noqa: E402 (after REMAP_SIGTERM)

celery_app = Celery(
    "storymimi",
    broker=settings.redis_url.get_secret_value(),
    backend=settings.backend_url.get_secret_value(),
    include=["storymimi.tasks"],
)
celery_app.conf.update(configuration.celery)


@signals.setup_logging.connect  # type: ignore[untyped-decorator]  # celery has no types
def _keep_our_logging(**_kwargs: Any) -> None:
    """With a receiver on this signal, Celery leaves logging to us."""
    log.set_up()
