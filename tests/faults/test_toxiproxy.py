"""What a client sees of each toxic: a bare socket and redis-py through a real Toxiproxy.

Each test is a row of the table "what a proxy can't do": the connection that is open and idle,
its next data, a new connection, and both after the removal.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from stallproof.faults import (
    Bandwidth,
    Down,
    Fault,
    Latency,
    LimitData,
    ResetPeer,
    Slicer,
    SlowClose,
    Timeout,
)
from stallproof.faults.toxic import Stream
from stallproof.faults.wire import HELLO, padded_ping
from stallproof.sites.base import EVERY, Link

pytestmark = [pytest.mark.anyio, pytest.mark.real]

LINK = Link.WORKER_BROKER
OTHER = Link.API_BROKER
LINKS = (LINK,)
NOAUTH = b"-NOAUTH Authentication required.\r\n"
BOTH: tuple[Stream, ...] = ("upstream", "downstream")
IDLE_S = 0.3
"""Long enough for anything that would happen at once to an idle connection."""


def client_of(proxied: Any, link: Link = LINK) -> redis.Redis:
    address = proxied.listen_of(link)
    return redis.Redis(
        host=address.host,
        port=address.port,
        password=proxied.password,
        socket_timeout=2,
        retry=Retry(NoBackoff(), 0),
    )


def fastest_answer_s(wire: Any) -> float:
    """Of a few: one may wait for a busy machine, a delay of the proxy's would be in each."""
    took_s = []
    for _ in range(5):
        began = time.monotonic()
        assert wire.asks() == NOAUTH
        took_s.append(time.monotonic() - began)
    return min(took_s)


@asynccontextmanager
async def in_force(fault: Fault, system: Any) -> AsyncIterator[None]:
    """Begun, shown to bite, ended, and shown to be over for new connections."""
    begun = await fault.begin(system)
    try:
        observed_at = time.monotonic()
        seen = await fault.observe(system, begun)
        assert seen.bit, seen.seen
        assert time.monotonic() - observed_at < 4  # two streams, each with its own deadline
        yield
    finally:
        ended = await fault.end(system)
    assert not ended.get("recreated")
    assert not (await fault.observe(system, begun)).bit
    assert client_of(system).ping()


@pytest.mark.parametrize(
    "fault",
    [
        Latency(latency_ms=10),
        Latency(latency_ms=40, jitter_ms=40, streams=BOTH),
        Latency(latency_ms=300, streams=("upstream",)),
        Latency(latency_ms=3000, jitter_ms=1000),
        Bandwidth(rate_kb_s=1, streams=BOTH),
        Bandwidth(rate_kb_s=4, streams=BOTH),
        Bandwidth(rate_kb_s=50),
        Bandwidth(rate_kb_s=200, streams=("upstream",)),
        SlowClose(delay_ms=50),
        SlowClose(delay_ms=200, streams=BOTH),
        SlowClose(delay_ms=200, streams=("upstream",)),
        SlowClose(delay_ms=2000),
        Timeout(),
        Timeout(streams=("upstream",)),
        Timeout(timeout_ms=100, streams=BOTH),
        Timeout(timeout_ms=5000),
        Slicer(average_size_b=1),
        Slicer(average_size_b=200, size_variation_b=100),
        Slicer(average_size_b=400),
        Slicer(average_size_b=400, delay_us=1000, streams=("upstream",)),
        Slicer(average_size_b=10, delay_us=10_000, streams=BOTH),
        Slicer(average_size_b=100, delay_us=300_000),
        LimitData(bytes=1),
        LimitData(bytes=936),
        LimitData(bytes=100_000),
        LimitData(bytes=1, streams=("upstream",)),
        LimitData(bytes=4000, streams=BOTH),
        LimitData(bytes=100_000, streams=("upstream",)),
        ResetPeer(),
        ResetPeer(streams=("upstream",)),
        ResetPeer(timeout_ms=1200),
        Down(),
    ],
    ids=lambda fault: fault.describe(),
)
async def test_it_bites_on_every_link_while_in_force_and_only_then(
    proxied: Any, fault: Fault
) -> None:
    before = await fault.observe(proxied, {})
    assert not before.bit, before.seen
    async with in_force(fault, proxied):
        pass


async def test_it_did_not_bite_where_one_link_is_spared(proxied: Any) -> None:
    begun = await Down(links=LINKS).begin(proxied)
    seen = await Down(links=EVERY).observe(proxied, begun)
    assert not seen.bit
    assert "1 of 4 links show it" in seen.seen


async def test_the_other_links_are_spared(proxied: Any, dial: Callable[..., Any]) -> None:
    async with in_force(Timeout(links=LINKS), proxied):
        assert dial(proxied.listen_of(OTHER)).asks() == NOAUTH


async def test_beginning_and_ending_twice_is_once(proxied: Any) -> None:
    for fault in (Latency(latency_ms=50, streams=BOTH), Down()):
        first, second = await fault.begin(proxied), await fault.begin(proxied)
        assert first.get("added", first.get("disabled")) in (4, 8)
        assert second.get("added", second.get("disabled")) == 0
        first, second = await fault.end(proxied), await fault.end(proxied)
        assert first.get("removed", first.get("enabled")) in (4, 8)
        assert second.get("removed", second.get("enabled")) == 0


async def test_two_of_a_kind_overlap_and_end_apart(proxied: Any, dial: Callable[..., Any]) -> None:
    short, long_ = Latency(links=LINKS, latency_ms=50), Latency(links=LINKS, latency_ms=300)
    await short.begin(proxied)
    await long_.begin(proxied)
    await short.end(proxied)
    wire = dial(proxied.listen_of(LINK))
    assert wire.asks(0.2) == "nothing"
    assert wire.sees() == NOAUTH
    await long_.end(proxied)
    assert fastest_answer_s(wire) < 0.3


@pytest.mark.parametrize("streams", [("upstream",), ("downstream",)])
async def test_reset_peer(proxied: Any, dial: Callable[..., Any], streams: Any) -> None:
    idle, used = dial(proxied.listen_of(LINK)), dial(proxied.listen_of(LINK))
    assert idle.asks() == used.asks() == NOAUTH
    client = client_of(proxied)
    client.ping()
    async with in_force(ResetPeer(links=LINKS, streams=streams), proxied):
        assert idle.sees(IDLE_S) == "nothing"
        assert used.asks() == "EOF"
        with pytest.raises(redis.ConnectionError, match="closed by server"):
            client.ping()
        assert dial(proxied.listen_of(LINK)).asks() == "ECONNRESET"
        with pytest.raises(redis.ConnectionError, match="reset by peer"):
            client_of(proxied).ping()
    assert idle.asks() == NOAUTH


async def test_timeout_for_ever(proxied: Any, dial: Callable[..., Any]) -> None:
    idle, used = dial(proxied.listen_of(LINK)), dial(proxied.listen_of(LINK))
    assert idle.asks() == used.asks() == NOAUTH
    async with in_force(Timeout(links=LINKS), proxied):
        assert idle.sees(IDLE_S) == "nothing"
        assert used.asks(IDLE_S) == "nothing"
        new = dial(proxied.listen_of(LINK))
        assert new.asks(IDLE_S) == "nothing"
        with pytest.raises(redis.TimeoutError):
            client_of(proxied).ping()
    assert [wire.sees() for wire in (idle, used, new)] == ["EOF", "EOF", "EOF"]


async def test_timeout_that_ends(proxied: Any, dial: Callable[..., Any]) -> None:
    fault = Timeout(links=LINKS, timeout_ms=500)
    idle = dial(proxied.listen_of(LINK))
    assert idle.asks() == NOAUTH
    await fault.begin(proxied)
    began = time.monotonic()
    assert idle.sees() == "EOF"
    assert time.monotonic() - began >= 0.45
    began = time.monotonic()
    assert dial(proxied.listen_of(LINK)).asks() == "EOF"
    assert time.monotonic() - began >= 0.45
    await fault.end(proxied)
    assert client_of(proxied).ping()


async def test_latency(proxied: Any, dial: Callable[..., Any]) -> None:
    old = dial(proxied.listen_of(LINK))
    assert old.asks() == NOAUTH
    async with in_force(Latency(links=LINKS, latency_ms=300), proxied):
        assert old.sees(IDLE_S) == "nothing"
        for wire in (old, dial(proxied.listen_of(LINK))):
            began = time.monotonic()
            assert wire.asks() == NOAUTH
            assert time.monotonic() - began >= 0.3
    assert fastest_answer_s(old) < 0.3


async def test_limit_data_downstream(proxied: Any, dial: Callable[..., Any]) -> None:
    old = dial(proxied.listen_of(LINK))
    assert old.asks() == NOAUTH
    async with in_force(LimitData(links=LINKS, bytes=3), proxied):
        assert old.sees(IDLE_S) == "nothing"
        for wire in (old, dial(proxied.listen_of(LINK))):
            assert (wire.asks(), wire.sees()) == (NOAUTH[:3], "EOF")
        with pytest.raises(redis.ConnectionError):
            client_of(proxied).ping()


async def test_limit_data_upstream(proxied: Any, dial: Callable[..., Any]) -> None:
    old = dial(proxied.listen_of(LINK))
    assert old.asks() == NOAUTH
    async with in_force(LimitData(links=LINKS, bytes=3, streams=("upstream",)), proxied):
        assert old.sees(IDLE_S) == "nothing"
        assert old.asks() == "EOF"
        assert dial(proxied.listen_of(LINK)).asks() == "EOF"


async def test_down(proxied: Any, dial: Callable[..., Any]) -> None:
    idle, used = dial(proxied.listen_of(LINK)), dial(proxied.listen_of(LINK))
    assert idle.asks() == used.asks() == NOAUTH
    async with in_force(Down(links=LINKS), proxied):
        assert idle.sees(IDLE_S) == "EOF"
        assert used.asks() in ("EOF", "ECONNRESET")
        with pytest.raises(ConnectionRefusedError):
            dial(proxied.listen_of(LINK))
        with pytest.raises(redis.ConnectionError, match="refused"):
            client_of(proxied).ping()


async def test_slow_close(proxied: Any, dial: Callable[..., Any]) -> None:
    idle, closing = dial(proxied.listen_of(LINK)), dial(proxied.listen_of(LINK))
    async with in_force(SlowClose(links=LINKS, delay_ms=400), proxied):
        assert idle.sees(IDLE_S) == "nothing"
        began = time.monotonic()
        closing.send(b"QUIT\r\n")
        assert (closing.sees(), closing.sees()) == (b"+OK\r\n", "EOF")
        assert time.monotonic() - began >= 0.4
        assert client_of(proxied).ping()
    assert idle.asks() == NOAUTH


async def test_bandwidth(proxied: Any, dial: Callable[..., Any]) -> None:
    old = dial(proxied.listen_of(LINK))
    async with in_force(Bandwidth(links=LINKS, rate_kb_s=20, streams=("upstream",)), proxied):
        assert old.sees(IDLE_S) == "nothing"
        for wire in (old, dial(proxied.listen_of(LINK))):
            began = time.monotonic()
            wire.send(padded_ping(10_000))
            assert wire.sees() == NOAUTH
            assert time.monotonic() - began >= 0.45
    assert old.asks() == NOAUTH


async def test_slicer(proxied: Any, dial: Callable[..., Any]) -> None:
    old = dial(proxied.listen_of(LINK))
    async with in_force(Slicer(links=LINKS, average_size_b=10, delay_us=20_000), proxied):
        assert old.sees(IDLE_S) == "nothing"
        for wire in (old, dial(proxied.listen_of(LINK))):
            wire.send(HELLO)
            assert len(wire.sees()) <= 10
            while not wire.sees().endswith(b"\n"):
                pass
        assert client_of(proxied).ping()
    assert old.asks() == NOAUTH


async def test_a_broker_that_is_down_behind_a_proxy_never_refuses(
    proxied: Any, dial: Callable[..., Any]
) -> None:
    await proxied.kill()
    assert dial(proxied.listen_of(LINK)).asks() in ("EOF", "ECONNRESET")
    assert not (await Down().observe(proxied, {})).bit
    assert not (await Timeout().observe(proxied, {})).bit
