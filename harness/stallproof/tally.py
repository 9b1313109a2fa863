"""What a whole set of runs comes to: the values. `totals.py` counts them."""

from __future__ import annotations

import msgspec


class Spent(msgspec.Struct, frozen=True, kw_only=True):
    """What the time of a run went to, in real seconds. They add up to the whole of it."""

    boot_s: float = 0.0
    """Starting the processes, until the system is asked for its first story."""
    warmup_s: float = 0.0
    """Until one story is done and the load may begin."""
    load_s: float = 0.0
    """Stories arriving, no fault in force and none to recover from."""
    fault_s: float = 0.0
    """A fault in force."""
    recovery_s: float = 0.0
    """After a fault, until work flowed and what was in hand by then was done."""
    settle_s: float = 0.0
    """After the load, with nothing to recover from: waiting for the last stories, and one more
    look."""
    teardown_s: float = 0.0
    """Taking it down, and judging."""

    @property
    def whole_s(self) -> float:
        parts_s: tuple[float, ...] = msgspec.structs.astuple(self)
        return sum(parts_s)

    def __add__(self, other: Spent) -> Spent:
        mine, others = msgspec.structs.asdict(self), msgspec.structs.asdict(other)
        return Spent(**{name: mine[name] + others[name] for name in mine})


class Tally(msgspec.Struct, frozen=True, kw_only=True):
    """All runs under one profile, stack and site, whatever their scenario."""

    profile: str
    stack: str
    site: str
    runs: int
    """Those in which stories were counted."""
    accepted: int
    """Stories that the API answered for with 202."""
    unfinished: int
    """Not done when the watch ended; the lost ones are among them."""
    lost: int
    unknown: int
    """Unfinished, and nobody knows whether lost: the broker could not be read."""
    lost_at_most: float | None
    """The share of accepted stories that is lost is below this with 95 % confidence: one-sided,
    exact (Clopper and Pearson), those unknown counted as lost. As if each story met its luck
    alone; those of one run share their faults. None: none was accepted."""
    causes: dict[str, int]
    """Of the unfinished, how many by each cause; causes that nobody met are left out."""
    executed: int
    """Stories executed to the end, at least once."""
    duplicated: int
    """Those executed to the end more than once."""
    again: int
    """Deliveries of a story after its first."""
    reasons: dict[str, int]
    """Of those, how many for each reason."""
    refused: int
    """Of those, how many the claim turned away; the others were started."""
    spent: Spent
