"""Ryuk: what a process made at the engine goes when the process does, however it ends."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from testcontainers.core.config import testcontainers_config
from testcontainers.core.container import Reaper

from stallproof.sites.docker.engine import explained


@contextmanager
def reaped() -> Iterator[None]:
    """Whatever testcontainers' labels are on is removed when this process is gone.

    Raises:
        SiteError: Ryuk does not start.
    """
    testcontainers_config.ryuk_reconnection_timeout = "1s"  # nobody connects again
    testcontainers_config.ryuk_disabled = False
    with explained("start the reaper"):
        Reaper.get_instance()
    try:
        yield
    finally:
        Reaper.delete_instance()
