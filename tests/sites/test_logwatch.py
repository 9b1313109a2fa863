"""Literal lines of Celery 5.2 to 5.7, redis-py and uvicorn."""

from __future__ import annotations

import pytest

from stallproof.sites.logwatch import classify

STAMP = "[2026-11-22 10:00:00,123: "


@pytest.mark.parametrize(
    ("line", "what"),
    [
        (STAMP + "INFO/MainProcess] celery@worker ready.", "ready"),
        ("INFO:     Uvicorn running on http://0.0.0.0:8080 (Press CTRL+C to quit)", "ready"),
        ("INFO:     Application startup complete.", "ready"),
        (STAMP + "INFO/MainProcess] Connected to redis://:**@198.18.3.13:6379/0", "connected"),
        (
            STAMP + "WARNING/MainProcess] consumer: Connection to broker lost. "
            "Trying to re-establish the connection...",
            "connection-lost",
        ),
        (
            STAMP + "ERROR/MainProcess] consumer: Cannot connect to redis://:**@198.18.3.13:6379/0:"
            " Error 111 connecting to 198.18.3.13:6379. Connection refused..",
            "connection-lost",
        ),
        (
            "redis.exceptions.ConnectionError: Connection closed by server.",
            "connection-lost",
        ),
        ("redis.exceptions.TimeoutError: Timeout reading from socket", "connection-lost"),
        ("ConnectionResetError: [Errno 104] Connection reset by peer", "connection-lost"),
        ("kombu.exceptions.OperationalError: Error 111 connecting to x", "connection-lost"),
        ("TypeError: 'str' object cannot be interpreted as an integer", "error"),
        ("ModuleNotFoundError: No module named 'packaging'", "error"),
        ("billiard.exceptions.WorkerLostError: Worker exited prematurely", "error"),
        (STAMP + "CRITICAL/MainProcess] Unrecoverable error: ValueError('x')", "error"),
        (STAMP + "ERROR/ForkPoolWorker-1] Task x raised unexpected: KeyError()", "error"),
        ("2026-11-22 10:00:00,123 ERROR celery.worker: it broke", "error"),
        (STAMP + "WARNING/MainProcess] /x/y.py:1: CPendingDeprecationWarning:", "warning"),
        (STAMP + "INFO/MainProcess] Task x received", None),
        (
            STAMP + "INFO/MainProcess] a story about ERROR in the far end of a line" + " x" * 50,
            None,
        ),
        ("Traceback (most recent call last):", None),
        ('  File "/x/y.py", line 1, in connect', None),
        ("    raise ConnectionError(self._error_message(e))", None),
        ("", None),
    ],
)
def test_a_line_means(line: str, what: str | None) -> None:
    assert classify(line) == what
