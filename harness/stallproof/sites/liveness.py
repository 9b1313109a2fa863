"""Asks a service's `GET /health`, as Cloud Run's probes do."""

from __future__ import annotations

import contextlib
import http.client
import threading
import time
from collections.abc import Callable

from stallproof.clock import Clock
from stallproof.sites.base import Address, Liveness

_STARTUP_PERIOD_S = 0.1
_STARTUP_TIMEOUT_S = 1.0
ANSWER_REAL_S = 1.0
"""A probe waits at least so long for an answer, and from one to the next, whatever the speed: the
machine answers no faster at a higher one, and must not look dead for it."""
BOOT_REAL_S = 30.0
"""Nor does it boot any faster. What a service allows itself for that is system time: above speed 1
nothing counts as a failure until it has said once that it is ready, or for so long."""


def answers_200(address: Address, *, timeout_s: float, path: str = "/health") -> bool:
    """True if `GET path` is answered with 200 in time."""
    connection = http.client.HTTPConnection(address.host, address.port, timeout=timeout_s)
    with contextlib.closing(connection):
        try:
            connection.request("GET", path)
            return connection.getresponse().status == http.client.OK
        except (OSError, http.client.HTTPException):
            return False


class HealthProbe:
    """Watches one instance in a thread of its own, until the instance is gone.

    Calls `on_healthy` at the first 200. From then on, with `liveness`, asks every
    `period_s` of system time and calls `on_dead` once after `failure_threshold` failures in a row.
    An instance that is `asleep` (frozen by its platform) is not asked, and has not failed.
    """

    def __init__(
        self,
        address: Address,
        *,
        liveness: Liveness | None,
        clock: Clock,
        on_healthy: Callable[[], None],
        on_dead: Callable[[], None],
        asleep: Callable[[], bool] = lambda: False,
    ) -> None:
        self._address = address
        self._liveness = liveness
        self._clock = clock
        self._on_healthy = on_healthy
        self._on_dead = on_dead
        self._asleep = asleep
        self._stop = threading.Event()
        threading.Thread(target=self._watch, daemon=True).start()

    def stop(self) -> None:
        """No call comes after this, save one that is already under way."""
        self._stop.set()

    def _watch(self) -> None:
        while not answers_200(self._address, timeout_s=_STARTUP_TIMEOUT_S):
            if self._stop.wait(_STARTUP_PERIOD_S):
                return
        if self._stop.is_set():
            return
        self._on_healthy()
        if self._liveness is not None:
            self._await_ready(0.0 if self._clock.speed == 1 else BOOT_REAL_S)
            self._keep_asking(self._liveness)

    def _await_ready(self, within_s: float) -> None:
        deadline = time.monotonic() + within_s
        while time.monotonic() < deadline and not self._stop.wait(_STARTUP_PERIOD_S):
            if answers_200(self._address, timeout_s=_STARTUP_TIMEOUT_S, path="/ready"):
                return

    def _keep_asking(self, liveness: Liveness) -> None:
        failures = 0
        period_s = self._clock.real_s(liveness.period_s, at_least_s=ANSWER_REAL_S)
        timeout_s = self._clock.real_s(liveness.timeout_s, at_least_s=ANSWER_REAL_S)
        while failures < liveness.failure_threshold:
            if self._stop.wait(period_s):
                return
            alive = self._asleep() or answers_200(self._address, timeout_s=timeout_s)
            # Put to sleep while it was asked, it could not answer.
            failures = 0 if alive or self._asleep() else failures + 1
        if not self._stop.is_set():
            self._on_dead()
