"""What stands before the API as Google's front end does: every request of a client passes it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager

import anyio
from anyio.abc import ByteStream, SocketAttribute, SocketStream

from stallproof.sites.base import Address
from stallproof.sites.routing import NoInstanceError, Router, Upstream

HEAD_BYTES = 64 * 1024
"""A longer head of a request is refused."""
DEADLINE_S = 300.0
"""Cloud Run's own limit of a request. Source: https://cloud.google.com/run/docs/configuring/request-timeout"""
_CHUNK_BYTES = 64 * 1024
_EMPTY = b"\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
_BROKEN = b"HTTP/1.1 503 Service Unavailable" + _EMPTY
"""What Cloud Run's front end says for an instance that refuses. For one that ends without an answer
it says the same; but there nobody knows what became of the request, so that here the client's
connection ends without an answer, too, and the client counts it as open.
Source: https://cloud.google.com/run/docs/troubleshooting"""
_NO_INSTANCE = b"HTTP/1.1 429 Too Many Requests" + _EMPTY
"""What it says where none was ready in time: as `PENDING_S`."""

Act = Callable[[], Awaitable[object]]


class Front:
    """`FrontEnd`: takes one request a connection, and hands it to an instance over a new one.

    It stays where it was handed to. A request whose body has no Content-Length counts as one
    without a body: the clients that pass here send none such.
    """

    def __init__(self, router: Router, address: Address) -> None:
        self.address = address
        """Where clients reach it."""
        self.router = router
        """Says to whom each goes."""
        self._in_flight = 0
        self._changing = anyio.Lock()
        self._when_idle: Act | None = None
        self._when_busy: Act | None = None

    async def govern(self, *, when_idle: Act, when_busy: Act) -> None:
        async with self._changing:
            self._when_idle, self._when_busy = when_idle, when_busy
            if not self._in_flight:
                await when_idle()

    async def release(self) -> None:
        async with self._changing:
            when_busy, self._when_idle, self._when_busy = self._when_busy, None, None
            if when_busy is not None and not self._in_flight:
                await when_busy()

    async def serve(self, client: SocketStream) -> None:
        """One connection of a client, until its one request is answered."""
        async with client:
            with anyio.move_on_after(DEADLINE_S):
                request = await _read_request(client)
                if not request:
                    return
                async with self._counted():
                    await self._forward(request, client)

    @asynccontextmanager
    async def _counted(self) -> AsyncIterator[None]:
        async with self._changing:
            self._in_flight += 1
            if self._in_flight == 1 and self._when_busy is not None:
                await self._when_busy()
        try:
            yield
        finally:
            with anyio.CancelScope(shield=True):
                async with self._changing:
                    self._in_flight -= 1
                    if not self._in_flight and self._when_idle is not None:
                        await self._when_idle()

    async def _forward(self, request: bytes, client: SocketStream) -> None:
        handed_over = False
        try:
            async with self.router.hand_over(request) as upstream:
                handed_over = True
                async for chunk in upstream:
                    await client.send(chunk)
        except NoInstanceError:
            await _tell(client, _NO_INSTANCE)
        except (OSError, anyio.BrokenResourceError):  # the instance has left, or the client
            if not handed_over:
                await _tell(client, _BROKEN)


async def _read_request(client: ByteStream) -> bytes:
    """Head and body, the head saying that no further request comes; empty: there was none."""
    received = b""
    try:
        while (end := received.find(b"\r\n\r\n")) < 0:
            if len(received) > HEAD_BYTES:
                return b""
            received += await client.receive(_CHUNK_BYTES)
        lines = received[:end].split(b"\r\n")
        fields = [line.partition(b":") for line in lines[1:]]
        sizes = [int(value) for name, _, value in fields if name.lower() == b"content-length"]
        total = end + 4 + (sizes[0] if sizes else 0)
        while len(received) < total:
            received += await client.receive(_CHUNK_BYTES)
    except (anyio.EndOfStream, anyio.BrokenResourceError, ValueError):
        return b""
    kept = [b":".join((name, value)) for name, _, value in fields if name.lower() != b"connection"]
    return b"\r\n".join([lines[0], *kept, b"Connection: close", b"", b""]) + received[end + 4 :]


async def _tell(client: SocketStream, text: bytes) -> None:
    try:
        await client.send(text)
    except anyio.BrokenResourceError:
        return  # the client did not wait


@asynccontextmanager
async def front_before(running: Callable[[], Sequence[Upstream]]) -> AsyncIterator[Front]:
    """A front on a free port of this host's loopback, as long as the context lasts.

    `running` says which instances there are: see `Router`.
    """
    async with (
        await anyio.create_tcp_listener(local_host="127.0.0.1") as listener,
        anyio.create_task_group() as group,
    ):
        (front_socket,) = listener.listeners
        port = front_socket.extra(SocketAttribute.local_port)  # noqa: S610 (anyio's, not Django's)
        front = Front(Router(running), Address("127.0.0.1", port))
        group.start_soon(listener.serve, front.serve)
        try:
            yield front
        finally:
            group.cancel_scope.cancel()
