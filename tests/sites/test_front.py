"""The front hands each request on as it came, and tells when the API has one in flight."""

from __future__ import annotations

import http.client
import http.server
import threading
from collections.abc import Awaitable, Callable, Iterator

import anyio
import pytest
from anyio import to_thread

from stallproof.sites.base import Address
from stallproof.sites.front import front_before
from stallproof.sites.routing import Upstream

BODY = b'{"title": "one"}'


class Api(http.server.BaseHTTPRequestHandler):
    """Answers with what it got, once it is let."""

    protocol_version = "HTTP/1.1"
    let = threading.Event()
    reached = threading.Semaphore(0)

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.reached.release()
        assert self.let.wait(10)
        said = f"{self.path} {self.headers['Connection']} ".encode() + body
        self.send_response(202)
        self.send_header("Content-Length", str(len(said)))
        self.end_headers()
        self.wfile.write(said)

    def log_message(self, *_args: object) -> None:
        """Nothing."""


@pytest.fixture
def upstream() -> Iterator[Address]:
    Api.let, Api.reached = threading.Event(), threading.Semaphore(0)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Api)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield Address("127.0.0.1", server.server_port)
    Api.let.set()
    server.shutdown()
    thread.join(10)
    server.server_close()


def only(address: Address) -> Callable[[], list[Upstream]]:
    return lambda: [Upstream("api-1", address)]


def post(at: Address) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection(at.host, at.port, timeout=10)
    connection.request("POST", "/stories/?a=b", BODY, {"Connection": "keep-alive"})
    answer = connection.getresponse()
    return answer.status, answer.read()


def noting(said: list[str], word: str) -> Callable[[], Awaitable[None]]:
    async def act() -> None:
        said.append(word)

    return act


def test_a_request_gets_through_as_it_came_on_a_connection_of_its_own(upstream: Address) -> None:
    async def ask() -> tuple[int, bytes]:
        Api.let.set()
        async with front_before(only(upstream)) as front:
            return await to_thread.run_sync(post, front.address)

    assert anyio.run(ask) == (202, b"/stories/?a=b close " + BODY)


def test_it_tells_of_the_first_request_and_after_the_last(upstream: Address) -> None:
    said: list[str] = []

    async def ask() -> None:
        async with front_before(only(upstream)) as front:
            await front.govern(when_idle=noting(said, "idle"), when_busy=noting(said, "busy"))
            async with anyio.create_task_group() as clients:
                for _ in range(2):
                    clients.start_soon(to_thread.run_sync, post, front.address)
                for _ in range(2):
                    assert await to_thread.run_sync(Api.reached.acquire, True, 10)
                assert said == ["idle", "busy"]
                Api.let.set()
            with anyio.fail_after(10):
                while said != ["idle", "busy", "idle"]:
                    await anyio.sleep(0.01)
            await front.release()
            await to_thread.run_sync(post, front.address)

    anyio.run(ask)
    assert said == ["idle", "busy", "idle", "busy"]


@pytest.mark.parametrize(
    "said", [b"", b"GET /half", b"POST / HTTP/1.1\r\nContent-Length: x\r\n\r\n"]
)
def test_what_is_no_request_gets_no_answer_and_does_no_harm(said: bytes) -> None:
    async def ask() -> bytes:
        async with (
            front_before(only(Address("127.0.0.1", 1))) as front,
            await anyio.connect_tcp(front.address.host, front.address.port) as wire,
        ):
            await wire.send(said)
            await wire.send_eof()
            with anyio.fail_after(10):
                try:
                    return await wire.receive()
                except anyio.EndOfStream:
                    return b""

    assert anyio.run(ask) == b""
