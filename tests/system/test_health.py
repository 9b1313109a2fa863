"""What the health port says for each silence."""

from __future__ import annotations

import httpx2
import pytest

from storymimi import health
from storymimi.health import Health
from storymimi.ledger import Ledger


def test_the_guides_health_is_always_ok() -> None:
    assert Health(None).judge("/health") == (200, {"status": "ok"})


@pytest.mark.parametrize(
    ("silence_s", "status"), [(0.0, 200), (19.9, 200), (20.1, 503), (3600.0, 503)]
)
def test_a_silence_over_the_limit_is_a_stall(silence_s: float, status: int) -> None:
    judged, body = Health(lambda: silence_s).judge("/health")

    assert judged == status
    assert body["silence_s"] == silence_s


def test_before_the_first_progress_it_is_alive_but_not_ready() -> None:
    starting = Health(lambda: None)

    assert starting.judge("/health")[0] == 200
    assert starting.judge("/ready")[0] == 503


def test_a_start_without_any_progress_becomes_a_stall() -> None:
    starting = Health(lambda: None)
    starting._started_s -= health.START_GRACE_S + 1

    status, body = starting.judge("/health")

    assert (status, body["reason"]) == (503, "never heard from the broker")


def test_over_http() -> None:
    port = health.serve(Health(lambda: 21.0), port=0)

    answer = httpx2.get(f"http://127.0.0.1:{port}/health", timeout=5)

    assert (answer.status_code, answer.json()["status"]) == (503, "stalled")
    assert httpx2.get(f"http://127.0.0.1:{port}/x", timeout=5).status_code == 404


def test_without_a_path_no_ledger_is_kept() -> None:
    Ledger(None).write("start", "1", attempt=1)
