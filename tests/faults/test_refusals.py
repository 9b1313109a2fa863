"""A broker that is up and says no: what open connections and new ones are told."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from stallproof.faults import AuthRotated, Demote, Fault, MaxClients, Oom
from stallproof.sites.base import EVERY, Link
from stallproof.sites.brokers import KEPT_USER

pytestmark = [pytest.mark.anyio, pytest.mark.real]

LINK = Link.WORKER_BROKER
PUSH = b"LPUSH queue x\r\n"


def wire_of(ground: Any, dial: Callable[..., Any], *, link: Link = LINK) -> Any:
    """One that has logged in."""
    wire = dial(ground.address_of(link))
    wire.send(f"AUTH {ground.password}\r\n".encode())
    assert wire.sees() == b"+OK\r\n"
    return wire


def says(wire: Any, command: bytes) -> str:
    wire.send(command)
    return str(wire.sees())


@pytest.mark.parametrize(
    "fault", [Demote(), Oom(), MaxClients(), AuthRotated()], ids=lambda fault: fault.name
)
async def test_it_is_seen_once_begun_and_no_longer_when_ended(ground: Any, fault: Fault) -> None:
    assert not (await fault.observe(ground, {"evicted": 0})).bit
    begun = await fault.begin(ground)
    again = await fault.begin(ground)
    assert begun.keys() == again.keys()
    seen = await fault.observe(ground, begun)
    assert seen.bit, seen.seen
    assert seen.numbers["links_bitten"] == len(EVERY)

    ended = [next(iter((await fault.end(ground)).values())) for _ in range(2)]
    assert bool(ended[0])
    assert not ended[1]
    assert not (await fault.observe(ground, begun)).bit
    assert await ground.ask(LINK, "PING") == "+PONG"


async def test_demotion_hangs_up_on_who_waits_and_refuses_writes(
    ground: Any, dial: Callable[..., Any]
) -> None:
    idle, waiting = wire_of(ground, dial), wire_of(ground, dial)
    waiting.send(b"BRPOP queue 0\r\n")
    await ground.execute("SET", "kept", "yes")

    await Demote().begin(ground)
    assert str(waiting.sees()).startswith("b'-UNBLOCKED")
    assert waiting.sees() == "EOF"
    assert "-READONLY" in says(idle, PUSH)
    assert "-READONLY" in says(idle, b"BRPOP queue 1\r\n")
    assert says(idle, b"GET kept\r\n") == r"b'$3\r\nyes\r\n'"

    assert await Demote().end(ground) == {"promoted": True}
    assert says(idle, PUSH) == r"b':1\r\n'"
    assert await ground.execute("GET", "kept") == "yes"


async def test_a_demoted_broker_that_is_down_stays_down(ground: Any) -> None:
    await Demote().begin(ground)
    await ground.kill()
    assert await Demote().end(ground) == {"promoted": False}


@pytest.mark.parametrize(("policy", "left"), [("noeviction", "yes"), ("volatile-lru", None)])
async def test_a_full_broker_takes_nothing_and_gives_out(
    ground: Any, dial: Callable[..., Any], policy: Any, left: str | None
) -> None:
    await ground.execute("SET", "result", "yes", "EX", 3600)
    await ground.execute("LPUSH", "queue", "message")
    wire = wire_of(ground, dial)
    fault = Oom(policy=policy)

    begun = await fault.begin(ground)
    assert begun["used_b"] > 1
    assert "-OOM" in says(wire, PUSH)
    assert "-OOM" in says(wire, b"HSET unacked a b\r\n")
    assert "message" in says(wire, b"BRPOP queue 1\r\n")
    seen = await fault.observe(ground, begun)
    assert seen.numbers["evicted"] == (0 if left else 1)
    assert await ground.execute("GET", "result") == left

    await fault.end(ground)
    assert says(wire, PUSH) == r"b':1\r\n'"
    settings = await ground.execute("CONFIG", "GET", "maxmemory*")
    assert (settings["maxmemory"], settings["maxmemory-policy"]) == ("0", "noeviction")


async def test_no_more_clients_than_there_are(ground: Any, dial: Callable[..., Any]) -> None:
    wire = wire_of(ground, dial)
    assert (await MaxClients().begin(ground))["before"] > 1
    assert wire.asks() == b"+PONG\r\n"
    refused = dial(ground.address_of(LINK))
    assert refused.sees() == b"-ERR max number of clients reached\r\n"
    assert refused.sees() == "EOF"
    assert await ground.execute("PING")
    await MaxClients().end(ground)
    assert wire_of(ground, dial).asks() == b"+PONG\r\n"


async def test_a_changed_password_keeps_new_ones_out(ground: Any, dial: Callable[..., Any]) -> None:
    wire = wire_of(ground, dial)
    fault = AuthRotated()
    assert (await fault.begin(ground))["users"] == ["default"]
    assert wire.asks() == b"+PONG\r\n"
    late = dial(ground.address_of(LINK))
    assert "-WRONGPASS" in says(late, f"AUTH {ground.password}\r\n".encode())
    assert await fault.end(ground) == {"restored": ["default"]}
    assert await ground.execute("ACL", "USERS") == ["default"]
    assert wire_of(ground, dial).asks() == b"+PONG\r\n"


async def test_a_changed_password_and_connections_closed(
    ground: Any, dial: Callable[..., Any]
) -> None:
    fault = AuthRotated(closes=True)
    assert not (await fault.observe(ground, {"closed": 1})).bit
    wire = wire_of(ground, dial)
    begun = await fault.begin(ground)
    assert begun["closed"] == 1
    assert wire.sees() == "EOF"
    assert (await fault.observe(ground, begun)).bit
    assert not (await fault.observe(ground, {"closed": 0})).bit
    await fault.end(ground)


async def test_the_harness_gets_in_with_the_password_that_is_kept(ground: Any) -> None:
    await AuthRotated().begin(ground)
    own = str(await ground.execute("CLIENT", "ID"))
    await ground.execute("CLIENT", "KILL", "ID", own, "SKIPME", "no")
    assert await ground.execute("ACL", "WHOAMI") == KEPT_USER
    assert await AuthRotated().end(ground) == {"restored": ["default"]}
    assert await ground.execute("ACL", "WHOAMI") == "default"


async def test_a_broker_that_restarts_has_the_old_password_again(ground: Any) -> None:
    await AuthRotated().begin(ground)
    await ground.kill()
    assert await AuthRotated().end(ground) == {"restored": []}
    await ground.start()
    assert await ground.ask(LINK, "PING") == "+PONG"
