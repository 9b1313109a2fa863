"""What a client sees when the broker goes, or cuts it off."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from stallproof.faults import BrokerRestart, ClientKill
from stallproof.sites.base import EVERY, Link

pytestmark = [pytest.mark.anyio, pytest.mark.real]

LINK = Link.WORKER_BROKER
OTHER = Link.API_BACKEND


def client_of(ground: Any, link: Link = LINK) -> redis.Redis:
    address = ground.address_of(link)
    return redis.Redis(
        host=address.host,
        port=address.port,
        password=ground.password,
        socket_timeout=2,
        retry=Retry(NoBackoff(), 0),
    )


def wire_of(ground: Any, dial: Callable[..., Any], *commands: str, link: Link = LINK) -> Any:
    wire = dial(ground.address_of(link))
    for command in (f"AUTH {ground.password}", *commands):
        wire.send(command.encode() + b"\r\n")
        assert not str(wire.sees()).startswith("b'-")
    return wire


@pytest.mark.parametrize("how", ["killed", "graceful"])
async def test_restart(ground: Any, dial: Callable[..., Any], how: Any) -> None:
    fault = BrokerRestart(how=how)
    assert not (await fault.observe(ground, {"clients": {}})).bit
    idle, waiting = wire_of(ground, dial), wire_of(ground, dial, link=OTHER)
    waiting.send(b"BRPOP queue 0\r\n")
    await ground.execute("SET", "kept", "yes")

    begun = await fault.begin(ground)
    seen = await fault.observe(ground, begun)
    assert seen.bit, seen.seen
    assert begun["clients"] == {str(link): int(link in (LINK, OTHER)) for link in EVERY}
    assert (idle.sees(), waiting.sees()) == ("EOF", "EOF")
    with pytest.raises(ConnectionRefusedError):
        dial(ground.address_of(LINK))
    with pytest.raises(redis.ConnectionError, match="refused"):
        client_of(ground).ping()

    assert (await fault.end(ground))["started"]
    assert not (await fault.observe(ground, begun)).bit
    assert client_of(ground).get("kept") == (b"yes" if how == "graceful" else None)


async def test_restart_empty(ground: Any) -> None:
    fault = BrokerRestart(how="graceful", empty=True)
    await ground.execute("SET", "kept", "yes")
    await fault.begin(ground)
    await fault.end(ground)
    assert await ground.execute("DBSIZE") == 0


async def test_beginning_and_ending_a_restart_twice_is_once(ground: Any) -> None:
    fault = BrokerRestart()
    await fault.begin(ground)
    assert sum((await fault.begin(ground))["clients"].values()) == 0
    assert (await fault.end(ground))["started"]
    assert not (await fault.end(ground))["started"]
    assert await ground.execute("PING") in ("PONG", True)


async def test_client_kill_by_class(ground: Any, dial: Callable[..., Any]) -> None:
    idle = wire_of(ground, dial)
    waiting = wire_of(ground, dial)
    waiting.send(b"BRPOP queue 0\r\n")
    subscribed = wire_of(ground, dial, "SUBSCRIBE channel")
    spared = wire_of(ground, dial, link=OTHER)

    fault = ClientKill(links=(LINK,), kind="pubsub")
    begun = await fault.begin(ground)
    assert begun["killed"] == 1
    assert (await fault.observe(ground, begun)).bit
    assert subscribed.sees() == "EOF"
    assert (idle.sees(0.2), waiting.sees(0.2)) == ("nothing", "nothing")

    fault = ClientKill(links=(LINK,), kind="normal")
    begun = await fault.begin(ground)
    assert begun["killed"] == 2
    seen = await fault.observe(ground, begun)
    assert seen.bit, seen.seen
    assert (idle.sees(), waiting.sees()) == ("EOF", "EOF")
    assert spared.asks() == b"+PONG\r\n"
    assert client_of(ground).ping()


async def test_client_kill_of_nobody_did_not_bite(ground: Any, dial: Callable[..., Any]) -> None:
    spared = wire_of(ground, dial, link=OTHER)
    fault = ClientKill(links=(LINK,))
    begun = await fault.begin(ground)
    assert begun["killed"] == 0
    assert not (await fault.observe(ground, begun)).bit
    assert spared.asks() == b"+PONG\r\n"


async def test_clients_that_live_on_are_no_bite(ground: Any, dial: Callable[..., Any]) -> None:
    wire_of(ground, dial)
    text = str(await ground.execute("CLIENT", "LIST"))
    address = ground.address_of(LINK)
    (line,) = [one for one in text.splitlines() if f"laddr={address.host}:" in one]
    still_there = int(line.split()[0].removeprefix("id="))
    seen = await ClientKill(links=(LINK,)).observe(ground, {"killed": 1, "ids": [still_there]})
    assert not seen.bit
    assert "1 of them still listed" in seen.seen


async def test_client_kill_while_the_broker_is_down_did_not_bite(ground: Any) -> None:
    await ground.kill()
    begun = await ClientKill().begin(ground)
    assert begun["killed"] == 0
    assert not (await ClientKill().observe(ground, begun)).bit


async def test_client_kill_cuts_what_comes_through_a_proxy(
    proxied: Any, dial: Callable[..., Any]
) -> None:
    wire = dial(proxied.listen_of(LINK))
    assert wire.asks().startswith(b"-NOAUTH")
    begun = await ClientKill(links=(LINK,)).begin(proxied)
    assert begun["killed"] == 1
    assert wire.sees() == "EOF"
