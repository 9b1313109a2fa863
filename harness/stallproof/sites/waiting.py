"""Waiting for a condition, with a deadline that says what was awaited and seen instead."""

from __future__ import annotations

import time
from collections.abc import Callable

from stallproof.sites.base import SiteError

_POLL_S = 0.004


def wait_until(problem: Callable[[], str | None], *, awaited: str, timeout_s: float) -> None:
    """Ask `problem` again and again until it has none (None).

    Raises:
        SiteError: there still was one after `timeout_s`; the text holds the last.
    """
    deadline = time.monotonic() + timeout_s
    while (seen := problem()) is not None:
        if time.monotonic() >= deadline:
            raise SiteError(f"waited {timeout_s} s for {awaited}; seen instead: {seen}")
        time.sleep(_POLL_S)
