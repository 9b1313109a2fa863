"""The toxiproxy plane: what a TCP proxy between client and broker can do."""

from __future__ import annotations

from typing import ClassVar, Literal

from stallproof.faults.base import Fault, Plane
from stallproof.sites.base import EVERY, Link, Proxies, Route

Stream = Literal["upstream", "downstream"]


class Toxic(Fault, frozen=True, kw_only=True):
    plane: ClassVar[Plane] = "toxiproxy"
    needs = (Proxies,)
    route = Route.PROXIED

    links: tuple[Link, ...] = EVERY
    streams: tuple[Stream, ...] = ("downstream",)


class Latency(Toxic, frozen=True, kw_only=True, tag="latency"):
    latency_ms: int
    jitter_ms: int = 0


class Bandwidth(Toxic, frozen=True, kw_only=True, tag="bandwidth"):
    rate_kb_s: int


class SlowClose(Toxic, frozen=True, kw_only=True, tag="slow-close"):
    delay_ms: int


class Timeout(Toxic, frozen=True, kw_only=True, tag="timeout"):
    timeout_ms: int = 0


class Slicer(Toxic, frozen=True, kw_only=True, tag="slicer"):
    average_size_b: int
    size_variation_b: int = 0
    delay_us: int = 0


class LimitData(Toxic, frozen=True, kw_only=True, tag="limit-data"):
    bytes: int


class ResetPeer(Toxic, frozen=True, kw_only=True, tag="reset-peer"):
    timeout_ms: int = 0


class Down(Toxic, frozen=True, kw_only=True, tag="down"):
    pass
