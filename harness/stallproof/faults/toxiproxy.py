"""The toxiproxy plane: what a TCP proxy between client and broker can do to connections.

The proxy ends the client's connection in its own kernel. So keepalive probes are answered and
sent bytes acknowledged whatever a toxic does, and no toxic resets a connection that is open and
idle: the nearest is a close (EOF). What a kernel alone can do is in `kernel.py`; the toxics that
let everything through, only later, are in `slowing.py`.

What the client sees, below, was measured with Toxiproxy 2.12; tests/faults/test_toxiproxy.py
measures it again. Toxiproxy lives in real time, also where the system's is faster: each class
says what becomes of its settings then (`faster`).
"""

from __future__ import annotations

import math
from typing import Any

import anyio.to_thread

from stallproof.faults import toxiproxy_probes as probes
from stallproof.faults.base import Observation
from stallproof.faults.toxic import HOUR_MS, Listens, Toxic, on_each, proxies_of
from stallproof.faults.validate import check_between
from stallproof.sites.base import System


class Timeout(Toxic, frozen=True, kw_only=True, tag="timeout"):
    """Data is acknowledged and thrown away; after `timeout_ms` the connection closes.

    0: it never does. A connection open and idle: nothing happens, next data meets silence, a
    new connection connects and then meets silence; on removal all of these get EOF. Otherwise
    each of them gets EOF after `timeout_ms`, from the toxic's begin or from its own.
    TCP sees every byte acknowledged: keepalive and TCP_USER_TIMEOUT notice nothing.
    """

    cuts = False
    toxic = "timeout"

    timeout_ms: int = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        check_between("timeout_ms", self.timeout_ms, 0, HOUR_MS)

    def attributes(self) -> dict[str, int]:
        return {"timeout": self.timeout_ms}

    def faster(self, speed: float) -> dict[str, int]:
        return {"timeout_ms": math.ceil(self.timeout_ms / speed)}

    def setting(self) -> str:
        return f"after {self.timeout_ms} ms" if self.timeout_ms else "never"

    async def probe(self, listens: Listens) -> Observation:
        closes_after_s = self.timeout_ms / 1000 or None
        return await probes.silence(listens, closes_after_s=closes_after_s)


class LimitData(Toxic, frozen=True, kw_only=True, tag="limit-data"):
    """After `bytes` bytes a connection closes (EOF), whatever was in the middle of them.

    A connection open and idle: nothing. Next data and new connections: `bytes` more bytes, then
    EOF. Downstream that is a reply cut short; upstream a request cut short, so none comes back.
    After removal, a connection that was cut stays cut.
    """

    toxic = "limit_data"

    bytes: int
    """1 to 100 000, counted from the toxic's begin or the connection's own."""

    def __post_init__(self) -> None:
        super().__post_init__()
        check_between("bytes", self.bytes, 1, 100_000)

    def attributes(self) -> dict[str, int]:
        return {"bytes": self.bytes}

    def setting(self) -> str:
        return f"{self.bytes} B"

    async def probe(self, listens: Listens) -> Observation:
        return await probes.limit_data(listens, self.streams, limit_b=self.bytes)


class ResetPeer(Toxic, frozen=True, kw_only=True, tag="reset-peer"):
    """Data closes the connection `timeout_ms` after it comes; on a new connection by RST.

    A new connection: ECONNRESET. One that was open before, at its next data: EOF, and no RST.
    One open and idle: nothing. After removal an old one that had data is gone (EOF).
    """

    toxic = "reset_peer"

    timeout_ms: int = 0
    """At most 1200: the proof waits for the reset to come, and it has under two seconds."""

    def __post_init__(self) -> None:
        super().__post_init__()
        check_between("timeout_ms", self.timeout_ms, 0, 1200)

    def attributes(self) -> dict[str, int]:
        return {"timeout": self.timeout_ms}

    def faster(self, speed: float) -> dict[str, int]:
        return {"timeout_ms": math.ceil(self.timeout_ms / speed)}

    def setting(self) -> str:
        return f"after {self.timeout_ms} ms"

    async def probe(self, listens: Listens) -> Observation:
        return await probes.reset(listens, after_s=self.timeout_ms / 1000)


class Down(Toxic, frozen=True, kw_only=True, tag="down"):
    """The proxies are disabled: open connections, idle ones too, get EOF, new ones ECONNREFUSED.

    (A broker that is down behind a proxy that is up looks otherwise: new connections succeed
    and then get EOF.) After the end, new connections work.
    """

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.streams != ("downstream",):
            raise ValueError(f"streams is {self.streams}: down closes both, leave it out")

    def describe(self) -> str:
        return "proxies down"

    async def begin(self, system: System) -> dict[str, Any]:
        return {"disabled": await self._switch(system, enabled=False)}

    async def end(self, system: System) -> dict[str, Any]:
        return {"enabled": await self._switch(system, enabled=True)}

    async def _switch(self, system: System, *, enabled: bool) -> int:
        client, names = proxies_of(self.links, system)
        switched = await anyio.to_thread.run_sync(
            on_each, names, lambda proxy: client.set_enabled(proxy, enabled=enabled)
        )
        return sum(switched)

    async def probe(self, listens: Listens) -> Observation:
        return await probes.refused(listens)
