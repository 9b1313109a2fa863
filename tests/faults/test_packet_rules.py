"""Packet rules by netlink: a table at once or not at all, its counters, and what the kernel says.

Each runs in a network namespace of its own.
"""

from __future__ import annotations

import errno
import socket
from collections.abc import Callable
from typing import Any

import pytest

from stallproof.sites import conntrack, nft, packet

HERE = "127.0.0.1"
MANY = 500
"""Connections cut at once: more than a run ever has."""


def connected() -> tuple[socket.socket, socket.socket, socket.socket]:
    listener = socket.create_server((HERE, 0))
    client = socket.create_connection(listener.getsockname())
    return client, listener.accept()[0], listener


def heard(wire: socket.socket) -> bytes | str:
    wire.settimeout(0.5)
    try:
        return wire.recv(100)
    except TimeoutError:
        return "nothing"
    except ConnectionResetError:
        return "ECONNRESET"


def drop_and_heal(hook: str) -> dict[str, Any]:
    client, there, _listener = connected()
    rule = [
        *packet.between(client.getsockname(), there.getsockname()),
        *packet.counted(),
        *packet.dropped(),
    ]
    none_before = nft.packets("cut")
    nft.install("cut", [rule], hooks=(hook,))
    client.sendall(b"vanishes")
    seen = {"before": none_before, "met": heard(there), "dropped": nft.packets("cut")}
    there.sendall(b"the other way")
    seen["other way"] = heard(client)
    seen["removed"] = [nft.remove("cut"), nft.remove("cut")]
    return seen | {"after": heard(there)}


@pytest.mark.parametrize("hook", [*nft.ARRIVAL, "input"])
def test_a_rule_counts_what_it_drops_until_its_table_is_gone(
    hook: str, in_namespace: Callable[..., Any]
) -> None:
    seen = in_namespace(drop_and_heal, hook)
    assert seen["dropped"] >= 1
    del seen["dropped"]
    assert seen == {
        "before": 0,
        "met": "nothing",
        "other way": b"the other way",
        "removed": [True, False],
        "after": b"vanishes",  # by retransmission: why a fault never heals a flow that was open
    }


def reset_when_used() -> list[Any]:
    client, there, _listener = connected()
    ends = client.getsockname(), there.getsockname()
    rules = [
        [*packet.between(*way), *packet.no_reset(), *packet.reset()] for way in (ends, ends[::-1])
    ]
    nft.install("reset", rules, hooks=nft.HOST)
    client.sendall(b"x")
    return [heard(client), heard(there)]


def test_on_a_host_too_the_sender_is_told_by_reset(in_namespace: Callable[..., Any]) -> None:
    assert in_namespace(reset_when_used) == ["ECONNRESET", "nothing"]


def many_at_once_and_none_with_a_bad_one() -> list[Any]:
    good = [*packet.to(HERE), *packet.counted(), *packet.dropped()]
    nft.install("many", [good] * MANY, hooks=nft.HOST)
    removed = nft.remove("many")
    bad = [*packet.to(HERE), packet._expression("no-such-thing")]
    with pytest.raises(nft.NftError) as refusal:
        nft.install("mixed", [good, bad, good], hooks=nft.HOST)
    return [removed, refusal.value.errno, str(refusal.value), nft.remove("mixed")]


def test_all_rules_or_none(in_namespace: Callable[..., Any]) -> None:
    removed, code, said, mixed_was_there = in_namespace(many_at_once_and_none_with_a_bad_one)
    assert removed
    assert code == errno.ENOENT
    assert "cannot add rules to mixed" in said
    assert not mixed_was_there


def forget_those_of_an_address() -> dict[str, Any]:
    nft.install("tracking", [packet.tracked()], hooks=nft.HOST)
    conntrack.remember_for(idle_s=60)
    client, there, _listener = connected()
    opener = client.getsockname()
    client.sendall(b"x")
    assert heard(there) == b"x"
    conntrack.expire([HERE], in_s=30)
    elsewhere = conntrack.forget(["127.0.0.2"])
    return {
        "elsewhere": elsewhere,
        "here": conntrack.forget([HERE]) == [opener],
        "again": conntrack.forget([HERE]),
    }


def test_the_kernel_forgets_connections_by_address(in_namespace: Callable[..., Any]) -> None:
    assert in_namespace(forget_those_of_an_address) == {"elsewhere": [], "here": True, "again": []}
