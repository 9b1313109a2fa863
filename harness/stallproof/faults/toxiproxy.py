"""The toxiproxy plane: what a TCP proxy between client and broker can do.

The proxy ends the client's connection in its own kernel. So keepalive probes are answered and
sent bytes acknowledged whatever a toxic does, and no toxic resets a connection that is open and
idle: the nearest is a close (EOF). What a kernel alone can do is in `kernel.py`.

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
from stallproof.faults.toxic import Listens, Toxic, on_each, proxies_of
from stallproof.faults.validate import check_between
from stallproof.sites.base import System

HOUR_MS = 3_600_000


class Latency(Toxic, frozen=True, kw_only=True, tag="latency"):
    """Data arrives `latency_ms` later, give or take `jitter_ms`: in each of the streams.

    A connection open and idle: nothing. Next data and new connections: later by that much; the
    TCP handshake itself is not delayed. After removal the old connection works.
    """

    cuts = False
    toxic = "latency"

    latency_ms: int
    """At least 10: less drowns in what a PING through the proxy takes on a busy machine."""
    jitter_ms: int = 0
    """Uniform, at most `latency_ms`."""

    def __post_init__(self) -> None:
        super().__post_init__()
        check_between("latency_ms", self.latency_ms, 10, HOUR_MS)
        check_between("jitter_ms", self.jitter_ms, 0, self.latency_ms)

    def attributes(self) -> dict[str, int]:
        return {"latency": self.latency_ms, "jitter": self.jitter_ms}

    def faster(self, speed: float) -> dict[str, int]:
        return {
            "latency_ms": round(self.latency_ms / speed),
            "jitter_ms": int(self.jitter_ms / speed),
        }

    def setting(self) -> str:
        jitter = f" ± {self.jitter_ms}" if self.jitter_ms else ""
        return f"{self.latency_ms}{jitter} ms"

    async def probe(self, listens: Listens) -> Observation:
        ms = self.latency_ms
        # With much jitter a median of few may come out low; hardly ever below a quarter.
        least_ms = max(ms - self.jitter_ms, ms / 4) * len(self.streams)
        most_ms = (ms + self.jitter_ms) * len(self.streams)
        return await probes.latency(listens, least_s=least_ms / 1000, most_s=most_ms / 1000)


class Bandwidth(Toxic, frozen=True, kw_only=True, tag="bandwidth"):
    """At most `rate_kb_s` thousand bytes a second pass on each connection, in each stream.

    A connection open and idle: nothing. Data: spread out, at low rates in bursts of a tenth of
    a second; TCP acknowledges it before it has passed. After removal the old connection works.
    """

    cuts = False
    toxic = "bandwidth"

    rate_kb_s: int
    """1 to 200: the proof without a password gets some 900 through a busy machine unhindered."""

    def __post_init__(self) -> None:
        super().__post_init__()
        check_between("rate_kb_s", self.rate_kb_s, 1, 200)

    def attributes(self) -> dict[str, int]:
        return {"rate": self.rate_kb_s}

    def faster(self, speed: float) -> dict[str, int]:
        return {"rate_kb_s": round(self.rate_kb_s * speed)}

    def setting(self) -> str:
        return f"{self.rate_kb_s} kB/s"

    async def probe(self, listens: Listens) -> Observation:
        return await probes.bandwidth(listens, self.streams, rate_b_s=self.rate_kb_s * 1000)


class SlowClose(Toxic, frozen=True, kw_only=True, tag="slow-close"):
    """A close reaches the other side `delay_ms` late: `downstream` the broker's close reaches
    the client late, `upstream` the client's reaches the broker.

    Until then the connection looks open. Data is not delayed. After removal, nothing remains.
    """

    cuts = False
    toxic = "slow_close"

    delay_ms: int
    """At least 50: a close without it takes some tens of milliseconds on a busy machine."""

    def __post_init__(self) -> None:
        super().__post_init__()
        check_between("delay_ms", self.delay_ms, 50, HOUR_MS)

    def attributes(self) -> dict[str, int]:
        return {"delay": self.delay_ms}

    def faster(self, speed: float) -> dict[str, int]:
        return {"delay_ms": round(self.delay_ms / speed)}

    def setting(self) -> str:
        return f"{self.delay_ms} ms"

    async def probe(self, listens: Listens) -> Observation:
        return await probes.slow_close(listens, self.streams, delay_s=self.delay_ms / 1000)


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


class Slicer(Toxic, frozen=True, kw_only=True, tag="slicer"):
    """Data arrives in slices of about `average_size_b` bytes, `delay_us` apart.

    A connection open and idle: nothing. Data: more and smaller segments, which a client that
    takes one `recv` for one reply trips over. After removal the old connection works.
    """

    cuts = False
    toxic = "slicer"

    average_size_b: int
    """With the variation at most 400: the proof has answers of some 800 bytes to see cut."""
    size_variation_b: int = 0
    """Smaller than the average."""
    delay_us: int = 0
    """At most 300 000. Upstream at least 1000: there only the time it takes tells the client."""

    def __post_init__(self) -> None:
        super().__post_init__()
        check_between("average_size_b", self.average_size_b, 1, 400)
        most = min(self.average_size_b - 1, 400 - self.average_size_b)
        check_between("size_variation_b", self.size_variation_b, 0, most)
        least = 1000 if "upstream" in self.streams else 0
        check_between("delay_us", self.delay_us, least, 300_000)

    def attributes(self) -> dict[str, int]:
        return {
            "average_size": self.average_size_b,
            "size_variation": self.size_variation_b,
            "delay": self.delay_us,
        }

    def faster(self, speed: float) -> dict[str, int]:
        return {"delay_us": round(self.delay_us / speed)}

    def setting(self) -> str:
        size = f"{self.average_size_b} ± {self.size_variation_b} B"
        return f"{size}, {self.delay_us} us apart,"

    async def probe(self, listens: Listens) -> Observation:
        return await probes.slicer(
            listens,
            self.streams,
            largest_b=self.average_size_b + self.size_variation_b,
            delay_s=self.delay_us / 1e6,
        )


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
