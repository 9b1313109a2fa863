"""A stand-in for a deployed system, to be loaded: it answers as the API does, and does no work.

What is tested against it is the load generator: the system itself is loaded in `test_onsite.py`.
"""

from __future__ import annotations

import itertools
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class StandIn(ThreadingHTTPServer):
    """Takes stories; each is done when it is first asked for, or never."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, *, ever_done: bool, status: int) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.ever_done = ever_done
        self.status = status
        self.numbers = itertools.count()
        self.titles: list[str] = []
        self.tokens: set[str | None] = set()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: StandIn

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.titles.append(body["title"])
        self._answer(self.server.status, {"id": str(next(self.server.numbers))})

    def do_GET(self) -> None:
        self._answer(200, {"status": "done" if self.server.ever_done else "published"})

    def _answer(self, status: int, body: dict[str, str]) -> None:
        self.server.tokens.add(self.headers["Authorization"])
        text = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (the base class's name)
        """Nothing: pytest shows what a test prints."""


@contextmanager
def standin(*, ever_done: bool = True, status: int = 202) -> Iterator[StandIn]:
    """It listens while the context lasts."""
    server = StandIn(ever_done=ever_done, status=status)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
