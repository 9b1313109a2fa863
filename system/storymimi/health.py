"""The worker's health port: `GET /health` (alive?) and `GET /ready` (consuming?)."""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

log = logging.getLogger(__name__)

START_GRACE_S = 30.0
"""How long a worker may take to its first progress: Cloud Run's first connects can be slow."""
SILENCE_LIMIT_S = 20.0
"""Well over what a recovery takes, well under what a user would wait."""


class Health:
    """Judges the consumer by how long ago it last made progress.

    `silence_s` answers that, or None before the first time. Without it the port always answers
    200, as the guide's does.
    """

    def __init__(self, silence_s: Callable[[], float | None] | None) -> None:
        self._silence_s = silence_s
        self._started_s = time.monotonic()

    def judge(self, path: str) -> tuple[int, dict[str, object]]:
        if path not in ("/health", "/ready"):
            return 404, {"status": "no such page"}
        if self._silence_s is None:
            return 200, {"status": "ok"}
        silence_s = self._silence_s()
        if silence_s is None:
            return self._before_first(path)
        seen = {"silence_s": round(silence_s, 1), "limit_s": SILENCE_LIMIT_S}
        if silence_s > SILENCE_LIMIT_S:
            return 503, {"status": "stalled", "reason": "no progress with the broker", **seen}
        return 200, {"status": "ok", **seen}

    def _before_first(self, path: str) -> tuple[int, dict[str, object]]:
        up_s = time.monotonic() - self._started_s
        seen = {"up_s": round(up_s, 1), "grace_s": START_GRACE_S}
        if up_s > START_GRACE_S:
            return 503, {"status": "stalled", "reason": "never heard from the broker", **seen}
        return (200 if path == "/health" else 503), {"status": "starting", **seen}


def serve(health: Health, *, port: int) -> int:
    """Answer in daemon threads; the port it listens on (0 picks one).

    Raises:
        OSError: the port is taken.
    """

    class Handler(BaseHTTPRequestHandler):
        timeout = 10  # of a client that says nothing, in seconds

        def do_GET(self) -> None:
            status, body = health.judge(self.path)
            content = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_args: object) -> None:
            """A line for every probe says nothing."""

    server = ThreadingHTTPServer(("0.0.0.0", port), Handler)  # noqa: S104 (Cloud Run's contract)
    threading.Thread(target=server.serve_forever, name="health", daemon=True).start()
    log.info("health port %d", server.server_port)
    return int(server.server_port)
