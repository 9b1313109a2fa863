"""What toxiproxy-python cannot do and ours can: several servers, deadlines, a way out of a hang."""

from __future__ import annotations

import fcntl
import socket
import sys
import termios
import time
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import Any

import anyio
import pytest
import redis

from stallproof.faults import Latency, SlowClose
from stallproof.faults.toxic import on_each
from stallproof.sites.base import Address, Link
from stallproof.sites.proxies import ToxicSpec
from stallproof.sites.toxiproxy_client import ToxiproxyClient, ToxiproxyError

pytestmark = pytest.mark.anyio

LINK = Link.WORKER_BROKER
TOXIC = ToxicSpec(name="t", type="latency", stream="downstream", attributes={"latency": 100})


def test_a_server_that_never_answers_is_given_up() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        client = ToxiproxyClient(Address(*listener.getsockname()), deadline_s=0.2)
        began = time.monotonic()
        with pytest.raises(ToxiproxyError, match=r"waited 0.2 s .* GET /proxies/p: nothing came"):
            client.proxy("p")
        assert 0.2 <= time.monotonic() - began < 10, "it waited for more than its deadline"


def test_a_server_that_is_not_there_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        host, port = listener.getsockname()
    with pytest.raises(ToxiproxyError, match=rf"{host}:{port} cannot be reached"):
        ToxiproxyClient(Address(host, port)).proxy("p")


def test_one_that_fails_keeps_nobody_from_finishing() -> None:
    done = []

    def act(item: int) -> None:
        if item == 0:
            raise ToxiproxyError("no")
        time.sleep(0.05)  # later than the failure
        done.append(item)

    with pytest.raises(ToxiproxyError):
        on_each([0, 1, 2], act)
    assert sorted(done) == [1, 2]


@pytest.mark.real
async def test_a_refusal_says_what_toxiproxy_said(proxied: Any) -> None:
    client = ToxiproxyClient(proxied.control)
    with pytest.raises(ToxiproxyError, match=r"GET /proxies/moon: .*proxy not found"):
        client.proxy("moon")
    nonsense = ToxicSpec(name="t", type="moon", stream="downstream", attributes={})
    with pytest.raises(ToxiproxyError, match="invalid toxic type"):
        client.add_toxic(proxied.name_of(LINK), nonsense)


@pytest.mark.real
async def test_two_servers_from_many_threads(proxied: Any, boot: Callable[..., Any]) -> None:
    async with boot(proxied=True) as other:
        grounds = [proxied, other] * 8

        def put_on_and_off(job: tuple[int, Any]) -> None:
            number, ground = job
            client = ToxiproxyClient(ground.control)
            toxic = ToxicSpec(
                name=f"t{number}", type="latency", stream="upstream", attributes={"latency": number}
            )
            proxy = ground.name_of(LINK)
            assert client.add_toxic(proxy, toxic)
            found = {one.name: one for one in client.proxy(proxy).toxics}
            assert found[toxic.name].attributes["latency"] == number
            assert client.proxy(proxy).listen.startswith(ground.listen_of(LINK).host)
            assert client.remove_toxic(proxy, toxic.name) == "removed"

        with ThreadPoolExecutor(8) as pool:
            list(pool.map(put_on_and_off, enumerate(grounds)))


@pytest.mark.real
async def test_an_http_proxy_in_the_environment_is_left_alone(
    proxied: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.setenv("no_proxy", "")
    assert ToxiproxyClient(proxied.control).proxy(proxied.name_of(LINK)).enabled


@pytest.mark.real
async def test_a_removal_that_hangs_is_survived(proxied: Any) -> None:
    also, fault = Latency(links=(LINK,), latency_ms=50), SlowClose(links=(LINK,), delay_ms=200)
    await also.begin(proxied)
    await fault.begin(proxied)
    async with deaf_client(proxied):
        began = time.monotonic()
        ended = await fault.end(proxied)
        assert time.monotonic() - began < 8
        assert ended == {"removed": 1, "recreated": [proxied.name_of(LINK)]}
    assert not (await fault.observe(proxied, {})).bit
    assert (await also.observe(proxied, {})).bit
    toxics = ToxiproxyClient(proxied.control).proxy(proxied.name_of(LINK)).toxics
    assert [toxic.name for toxic in toxics] == [spec.name for spec in also.specs()]
    assert (await also.end(proxied))["removed"] == 1
    assert client_of(proxied).ping()


@pytest.mark.real
async def test_a_removal_that_cannot_be_survived_is_an_error_in_time(
    proxied: Any, dial: Callable[..., Any]
) -> None:
    """A client that connects while the removal hangs leaves the whole of Toxiproxy stuck."""
    fault = SlowClose(links=(LINK,), delay_ms=200)
    await fault.begin(proxied)
    async with deaf_client(proxied), anyio.create_task_group() as group:
        began = time.monotonic()

        async def end() -> None:
            with pytest.raises(ToxiproxyError, match=r"waited 3.0 s .* DELETE /proxies/"):
                await fault.end(proxied)
            assert time.monotonic() - began < 8

        group.start_soon(end)
        await anyio.sleep(1)  # by now the removal holds the proxy's lock
        dial(proxied.listen_of(LINK))


def client_of(proxied: Any) -> redis.Redis:
    address = proxied.listen_of(LINK)
    return redis.Redis(host=address.host, port=address.port, password=proxied.password)


@asynccontextmanager
async def deaf_client(proxied: Any) -> AsyncIterator[None]:
    """Asks for more than all buffers hold and reads nothing: a toxic that writes to it is stuck,
    and cannot be interrupted (Shopify/toxiproxy issue 558).
    """
    with client_of(proxied) as client:
        client.set("large", b"x" * 30_000_000)
        connection = client.connection_pool.get_connection()
        connection.send_command("GET", "large")
        await _until_nothing_moves(connection._sock)
        yield


async def _until_nothing_moves(deaf: socket.socket) -> None:
    deadline = time.monotonic() + 10
    before, waiting_b = -1, 0
    while waiting_b != before or not waiting_b:
        assert time.monotonic() < deadline, f"waited 10 s: {waiting_b} B wait, and still more come"
        await anyio.sleep(0.3)
        before = waiting_b
        answer = fcntl.ioctl(deaf, termios.FIONREAD, bytes(4))
        waiting_b = int.from_bytes(answer, sys.byteorder)
