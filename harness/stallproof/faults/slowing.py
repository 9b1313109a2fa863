"""The toxiproxy plane: everything arrives, but later, or in other pieces.

As in `toxiproxy.py`, what the client sees was measured, and each class says what becomes of its
settings where the system's time is faster than the proxy's.
"""

from __future__ import annotations

from stallproof.faults import toxiproxy_probes as probes
from stallproof.faults.base import Observation
from stallproof.faults.toxic import HOUR_MS, Listens, Toxic
from stallproof.faults.validate import check_between


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
