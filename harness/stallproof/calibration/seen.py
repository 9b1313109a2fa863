"""What one trial saw: the values."""

from __future__ import annotations

import msgspec

from stallproof.faults.base import Observation
from stallproof.sites.base import Link


class Seen(msgspec.Struct, frozen=True):
    """What one client saw, and how long after the fault's begin or its own next call."""

    outcome: str
    """`answer`, `EOF`, the errno's name, `no connect`, `silence`; the code of the broker's refusal
    (`READONLY`); redis-py's exception; an HTTP status; what the broker makes of the waiting
    connection and of the idle one: `open`, `closed`, `gone`."""
    after_s: float


class Trial(msgspec.Struct, frozen=True):
    """What was seen at each place, by probe, and how late the fault was."""

    seen: dict[Link, dict[str, Seen]]
    late_s: float
    proof: Observation
    """What the fault's own `observe` says, which every run asks it."""
