"""The worker's role: Celery in the main thread, health port and reconciler beside it."""

from __future__ import annotations

import sys
from typing import Any, NoReturn

from storymimi import health, log
from storymimi.celery_app import celery_app, configuration, settings
from storymimi.settings import BadSettingsError


def run() -> NoReturn:
    """Work until told to stop, then exit with the worker's own code.

    Raises:
        BadSettingsError: the health port is taken.
    """
    log.set_up()
    silence_s = None
    if configuration.health == "consumer-progress":
        from storymimi import progress  # noqa: PLC0415 (other profiles run kombu untouched)

        progress.watch()
        silence_s = progress.silence_s
    try:
        health.serve(health.Health(silence_s), port=settings.port)
    except OSError as error:
        raise BadSettingsError(f"PORT {settings.port}: {error.strerror}") from None
    if configuration.outbox:
        from storymimi.reconciler import Reconciler  # noqa: PLC0415 (only with the outbox)

        Reconciler(settings.database_url.get_secret_value()).start()
    from celery import signals  # noqa: PLC0415 (only after REMAP_SIGTERM is set)

    workers: list[Any] = []
    signals.worker_init.connect(lambda sender, **_: workers.append(sender), weak=False)
    # The guide passes the flags alone; Celery asks for the sub-command before them.
    celery_app.worker_main(["worker", *configuration.worker_args])
    # worker_main forgets the code: a worker that died of an error would exit 0.
    sys.exit(workers[0].exitcode if workers else 1)
