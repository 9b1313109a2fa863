"""A real RST on an idle connection, and the socket table it is aimed with.

In a network namespace of the test's own, where the test is root: SOCK_DESTROY takes
CAP_NET_ADMIN there and nowhere else. Everything below runs in a child that lives in it.
"""

from __future__ import annotations

import ctypes
import errno
import socket
import struct
import time
from collections.abc import Callable
from ipaddress import ip_address
from typing import Any

import anyio
import pytest
import redis

from stallproof.faults import IdleReset
from stallproof.sites import sockdiag
from stallproof.sites.base import Link

LINK = Link.WORKER_BROKER
OTHER = Link.API_BROKER


def connected(listener: socket.socket, to: tuple[str, int]) -> tuple[socket.socket, socket.socket]:
    client = socket.create_connection(to, timeout=2)
    return client, listener.accept()[0]


def errno_of_next_read(client: socket.socket) -> int | bytes:
    client.settimeout(2)
    try:
        return client.recv(100)
    except OSError as error:
        return error.errno or -1


def reset_an_idle_one_and_spare_a_busy_one() -> dict[str, Any]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        idle, idle_there = connected(listener, ("127.0.0.1", port))
        busy, busy_there = connected(listener, ("127.0.0.1", port))
        while min(before := sockdiag.idle_for_s("127.0.0.1", port)) < 1.5:
            time.sleep(0.05)
        busy.sendall(b"data")
        busy_there.recv(100)
        after = sockdiag.idle_for_s("127.0.0.1", port)
        found = {
            "before": before,
            "after": after,
            "elsewhere": sockdiag.idle_for_s("127.0.0.2", port),
            "elsewhere_destroyed": sockdiag.destroy("127.0.0.2", port),
            "too_much_asked": sockdiag.destroy("127.0.0.1", port, min_idle_s=3600),
            "destroyed": sockdiag.destroy("127.0.0.1", port, min_idle_s=1.5),
            "idle_client": errno_of_next_read(idle),
            "idle_server": errno_of_next_read(idle_there),
        }
        busy_there.sendall(b"still here")
        found["busy_client"] = errno_of_next_read(busy)
        found["destroyed_after"] = sockdiag.destroy("127.0.0.1", port)
        found["left"] = sockdiag.idle_for_s("127.0.0.1", port)
        return found


def test_a_socket_idle_for_long_is_reset_and_a_busy_one_spared(
    in_namespace: Callable[..., Any],
) -> None:
    found = in_namespace(reset_an_idle_one_and_spare_a_busy_one)
    assert len(found["before"]) == 2
    assert sum(idle_s >= 1.5 for idle_s in found["after"]) == 1
    assert found["elsewhere"] == []
    assert found["elsewhere_destroyed"] == found["too_much_asked"] == 0
    assert found["destroyed"] == 1
    assert found["idle_client"] == errno.ECONNRESET
    assert found["idle_server"] == errno.ECONNABORTED
    assert found["busy_client"] == b"still here"
    assert found["destroyed_after"] == 1
    assert found["left"] == []


def reset_one_that_a_dual_stack_server_holds() -> dict[str, Any]:
    with socket.create_server(("::", 0), family=socket.AF_INET6, dualstack_ipv6=True) as listener:
        port = listener.getsockname()[1]
        mapped, _mapped_there = connected(listener, ("127.0.0.1", port))
        six, _six_there = connected(listener, ("::1", port))
        return {
            "destroyed": sockdiag.destroy("127.0.0.1", port),
            "mapped": errno_of_next_read(mapped),
            "six_left": len(sockdiag.idle_for_s("::1", port)),
            "six_destroyed": sockdiag.destroy("::1", port),
            "six": errno_of_next_read(six),
        }


def test_ipv6_and_mapped_ipv4_sockets(in_namespace: Callable[..., Any]) -> None:
    assert in_namespace(reset_one_that_a_dual_stack_server_holds) == {
        "destroyed": 1,
        "mapped": errno.ECONNRESET,
        "six_left": 1,
        "six_destroyed": 1,
        "six": errno.ECONNRESET,
    }


def destroy_one_that_has_gone() -> tuple[bool, bool]:
    with socket.create_server(("127.0.0.1", 0)) as listener, sockdiag._Diag() as diag:
        address = listener.getsockname()
        _client, _there = connected(listener, address)
        (found,) = diag.established(ip_address(address[0]), address[1])
        return diag.destroy(found), diag.destroy(found)


def test_one_that_has_gone_meanwhile_is_not_counted(in_namespace: Callable[..., Any]) -> None:
    assert in_namespace(destroy_one_that_has_gone) == (True, False)


def drop_capabilities() -> None:
    """Root without any, for this thread: capset(2) with version 3 and all three sets empty."""
    header, data = struct.pack("II", 0x20080522, 0), bytes(24)
    assert ctypes.CDLL(None).capset(header, data) == 0


def destroy_without_the_right() -> str:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        _client, _there = connected(listener, listener.getsockname())
        drop_capabilities()
        assert len(sockdiag.idle_for_s(*listener.getsockname())) == 1
        with pytest.raises(sockdiag.SockDiagError) as refusal:
            sockdiag.destroy(*listener.getsockname())
        return str(refusal.value)


def test_without_the_right_it_says_which_one(in_namespace: Callable[..., Any]) -> None:
    refusal = in_namespace(destroy_without_the_right)
    assert refusal.endswith(
        "cannot destroy a socket: Operation not permitted: "
        "it takes CAP_NET_ADMIN in the sockets' network namespace"
    )


def test_a_kernel_without_it_is_named() -> None:
    refusal = str(sockdiag._refused(sockdiag.SOCK_DESTROY, OSError(errno.EOPNOTSUPP, "no")))
    assert "this kernel is built without CONFIG_INET_DIAG_DESTROY" in refusal


def test_an_address_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="broker"):
        sockdiag.idle_for_s("broker", 6379)


def reset_a_brokers_clients(boot: Callable[..., Any]) -> dict[str, Any]:
    return anyio.run(_reset_a_brokers_clients, boot)


async def _reset_a_brokers_clients(boot: Callable[..., Any]) -> dict[str, Any]:
    async with boot(proxied=False) as ground:
        fault = IdleReset(links=(LINK,), min_idle_s=0.5)
        nobody = await fault.begin(ground)
        found: dict[str, Any] = {"nobody": (await fault.observe(ground, nobody)).bit}

        idle, waiting, spared, busy = (
            redis.Redis(
                host=ground.address_of(link).host,
                port=6379,
                password=ground.password,
                socket_timeout=2,
            ).client()  # type: ignore[no-untyped-call]
            for link in (LINK, LINK, OTHER, LINK)
        )
        for client in (idle, waiting, spared, busy):
            client.ping()
        assert waiting.connection is not None
        waiting.connection.send_command("BRPOP", "queue", 0)
        while min(await ground.idle_for_s(LINK)) < 0.6:
            await anyio.sleep(0.05)
        busy.ping()

        begun = await fault.begin(ground)
        seen = await fault.observe(ground, begun)
        found |= {
            "bit": seen.bit,
            "seen": seen.seen,
            "sockets": begun["sockets"],
            "idle_s": begun["idle_s"][LINK],
        }
        for name, client in (("idle", idle), ("waiting", waiting)):
            assert client.connection is not None
            found[name] = errno_of_next_read(client.connection._sock)
        found["spared"], found["busy"] = spared.ping(), busy.ping()
        # Where no client of the broker's went, sockets that "were destroyed" prove nothing.
        lie = begun | {"ids": [], "sockets": 2}
        found["lie"] = (await fault.observe(ground, lie)).bit
        return found


@pytest.mark.real
def test_idle_reset(in_namespace: Callable[..., Any], boot: Callable[..., Any]) -> None:
    found = in_namespace(reset_a_brokers_clients, boot)
    assert not found["nobody"]
    assert found["bit"], found["seen"]
    assert found["sockets"] == len(found["idle_s"]) == 2
    assert min(found["idle_s"]) >= 0.5
    assert found["idle"] == found["waiting"] == errno.ECONNRESET
    assert found["spared"]
    assert found["busy"]
    assert not found["lie"]
