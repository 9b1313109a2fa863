"""Which instance gets a request, over real sockets: who is ready, who is left out, who is full."""

from __future__ import annotations

import socket
import struct
from collections.abc import Awaitable, Callable

import anyio
import pytest
from anyio.abc import SocketAttribute, SocketStream, TaskGroup
from anyio.streams.stapled import MultiListener

from stallproof.sites import routing
from stallproof.sites.base import Address
from stallproof.sites.capabilities import Hands
from stallproof.sites.front import Front, front_before
from stallproof.sites.routing import Upstream

REQUEST = b"GET /stories/1 HTTP/1.1\r\nHost: here\r\n\r\n"
DEADLINE_S = 10.0


class Instance:
    """Answers each request with its id once it is let, or ends it without an answer."""

    def __init__(self, instance: str, port: int) -> None:
        self.upstream = Upstream(instance, Address("127.0.0.1", port))
        self.let = anyio.Event()
        self.end, self.ended = anyio.Event(), anyio.Event()
        self.mute = self.resets = False
        self.reached = 0

    async def listen(self, listener: MultiListener[SocketStream]) -> None:
        async with listener, anyio.create_task_group() as group:
            group.start_soon(listener.serve, self.serve)
            await self.end.wait()
            group.cancel_scope.cancel()
        self.ended.set()

    async def serve(self, wire: SocketStream) -> None:
        async with wire:
            await wire.receive()
            self.reached += 1
            await self.let.wait()
            if self.resets:
                at_once = struct.pack("ii", 1, 0)
                raw = wire.extra(SocketAttribute.raw_socket)
                raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, at_once)
            elif not self.mute:
                await wire.send(b"HTTP/1.1 200 OK\r\n\r\n" + self.upstream.instance.encode())


class Ground:
    """A front before instances that may come and go."""

    def __init__(self, group: TaskGroup) -> None:
        self._group = group
        self.running: list[Upstream] = []
        self.looked = 0
        self.front: Front

    def look(self) -> list[Upstream]:
        """As the front does, for each try."""
        self.looked += 1
        return self.running

    async def add(self, instance: str, *, port: int = 0) -> Instance:
        """One that runs, and listens."""
        listener = await anyio.create_tcp_listener(local_host="127.0.0.1", local_port=port)
        (only,) = listener.listeners
        made = Instance(instance, only.extra(SocketAttribute.local_port))
        self._group.start_soon(made.listen, listener)
        self.running.append(made.upstream)
        return made

    async def ask(self) -> str:
        """The status of the answer, or who gave it; `nothing`: there was none."""
        at = self.front.address
        answer = b""
        async with await anyio.connect_tcp(at.host, at.port) as wire:
            await wire.send(REQUEST)
            async for chunk in wire:
                answer += chunk
        if not answer:
            return "nothing"
        head, _, body = answer.partition(b"\r\n\r\n")
        return body.decode() or head.split()[1].decode()


def on_ground(act: Callable[[Ground], Awaitable[None]]) -> None:
    async def run() -> None:
        with anyio.fail_after(DEADLINE_S):
            async with anyio.create_task_group() as group:
                ground = Ground(group)
                async with front_before(ground.look) as ground.front:
                    await act(ground)
                group.cancel_scope.cancel()

    anyio.run(run)


async def until(check: Callable[[], bool]) -> None:
    while not check():
        await anyio.sleep(0.005)


def free_port() -> int:
    """One at which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as nobody:
        port: int = nobody.getsockname()[1]
        return port


def test_those_that_are_ready_share_the_requests_and_one_that_is_busy_gets_fewer() -> None:
    async def act(ground: Ground) -> None:
        one, other = await ground.add("api-1"), await ground.add("api-2")
        one.let.set()
        other.let.set()
        # Also every other one of them: a client asks twice for each story.
        heard = [await ground.ask() for _ in range(80)]
        assert set(heard[::2]) == set(heard[1::2]) == {"api-1", "api-2"}
        one.let = anyio.Event()
        async with anyio.create_task_group() as clients:
            before = one.reached
            while one.reached == before:
                clients.start_soon(ground.ask)
                await anyio.sleep(0.01)
            assert [await ground.ask() for _ in range(3)] == ["api-2"] * 3
            one.let.set()

    on_ground(act)


def test_who_is_left_out_finishes_what_it_has_and_gets_no_more() -> None:
    async def act(ground: Ground) -> None:
        old, heard = await ground.add("api-1"), []

        async def ask() -> None:
            heard.append(await ground.ask())

        async with anyio.create_task_group() as clients:
            clients.start_soon(ask)
            await until(lambda: old.reached == 1)
            new = await ground.add("api-2")
            ground.front.router.withhold(["api-1"])
            for n in range(3):  # though the other has fewer in the end
                clients.start_soon(ask)
                await until(lambda n=n: new.reached == n + 1)  # type: ignore[misc]
            new.let.set()
            await until(lambda: heard == ["api-2"] * 3)
            old.let.set()
        assert heard == ["api-2"] * 3 + ["api-1"]
        assert old.reached == 1

    on_ground(act)


def test_a_request_waits_for_an_instance_that_starts() -> None:
    async def act(ground: Ground) -> None:
        port = free_port()
        ground.running.append(Upstream("api-1", Address("127.0.0.1", port)))
        heard = []

        async def ask() -> None:
            heard.append(await ground.ask())

        async with anyio.create_task_group() as clients:
            clients.start_soon(ask)
            await until(lambda: ground.looked > 1)
            assert heard == []
            (await ground.add("api-1", port=port)).let.set()
        assert heard == ["api-1"]

    on_ground(act)


def test_where_none_gets_ready_it_is_a_429(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(routing, "PENDING_S", 0.2)

    async def act(ground: Ground) -> None:
        assert await ground.ask() == "429"
        ground.running.append(Upstream("api-1", Address("127.0.0.1", free_port())))
        assert await ground.ask() == "429"
        ground.front.router.withhold(["api-2"])
        (await ground.add("api-2")).let.set()
        assert await ground.ask() == "429"

    on_ground(act)


def test_one_that_refuses_is_a_503_and_one_that_leaves_without_an_answer_leaves_it_open() -> None:
    async def act(ground: Ground) -> None:
        gone = await ground.add("api-1")
        gone.let.set()
        assert await ground.ask() == "api-1"
        gone.end.set()
        await gone.ended.wait()
        assert await ground.ask() == "503"
        ground.running.clear()
        rude = await ground.add("api-2")
        rude.mute = True
        rude.let.set()
        assert await ground.ask() == "nothing"
        rude.resets = True
        assert await ground.ask() == "nothing"

    on_ground(act)


def test_the_front_knows_who_has_how_many_in_hand_and_since_when_none() -> None:
    async def act(ground: Ground) -> None:
        one, router = await ground.add("api-1"), ground.front.router
        assert router.hands("api-1") == Hands(0, None)
        async with anyio.create_task_group() as clients:
            for n in range(2):
                clients.start_soon(ground.ask)
                await until(lambda n=n: one.reached == n + 1)  # type: ignore[misc]
            assert router.hands("api-1") == Hands(2, 0.0)
            one.let.set()
        await until(lambda: router.hands("api-1").requests == 0)
        last_s = router.hands("api-1").last_s
        assert last_s is not None
        assert 0 <= last_s < DEADLINE_S

    on_ground(act)


def test_it_tells_of_the_next_request_of_one_of_some() -> None:
    async def act(ground: Ground) -> None:
        one, router = await ground.add("api-1"), ground.front.router
        one.let.set()
        await ground.ask()
        await router.handed(["api-1"], within_s=0.05)  # none comes
        said = []

        async def wait(instance: str) -> None:
            await router.handed([instance], within_s=2 * DEADLINE_S)
            said.append(instance)

        async with anyio.create_task_group() as waiting:
            waiting.start_soon(wait, "api-1")
            waiting.start_soon(wait, "api-2")
            await anyio.wait_all_tasks_blocked()
            await ground.ask()
            await until(lambda: said == ["api-1"])
            waiting.cancel_scope.cancel()

    on_ground(act)
