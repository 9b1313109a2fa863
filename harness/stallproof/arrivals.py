"""When stories arrive: stages of a rate that stays or changes evenly, as data.

    arrivals_s((Stage(for_s=2, from_per_s=1, to_per_s=1),))  # [0.0, 1.0]

The n-th story arrives at the moment by which n stories were due, so the spacing is even and the
same for whoever works it out: processes that share the work each take every n-th.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence

import msgspec

ROUNDING = 1e-9
"""A total that falls short of a whole story by this much has reached it."""


class Stage(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """For so long the rate goes evenly from one value to the other; stories a second."""

    for_s: float
    from_per_s: float
    to_per_s: float

    def __post_init__(self) -> None:
        if not (self.for_s > 0 and math.isfinite(self.for_s)):
            raise ValueError(f"for_s is {self.for_s}: it must be above 0")
        for field in ("from_per_s", "to_per_s"):
            if not (getattr(self, field) >= 0 and math.isfinite(getattr(self, field))):
                raise ValueError(f"{field} is {getattr(self, field)}: it must be 0 or more")

    @property
    def total(self) -> float:
        """Stories due in the whole of it."""
        return (self.from_per_s + self.to_per_s) / 2 * self.for_s

    def reached_s(self, due: float) -> float:
        """Seconds into the stage at which so many of its stories are due."""
        # The root of from*x + (to - from)*x^2 / (2*for_s) = due, in the form that is exact for
        # an even rate and safe for a rate that starts at 0.
        slope = (self.to_per_s - self.from_per_s) / self.for_s
        under = max(self.from_per_s**2 + 2 * due * slope, 0.0)
        divisor = self.from_per_s + math.sqrt(under)
        return min(2 * due / divisor, self.for_s) if divisor else 0.0


def arrivals_s(stages: Sequence[Stage]) -> list[float]:
    """Seconds after the load starts at which each story arrives, in order."""
    whole = int(sum(stage.total for stage in stages) + ROUNDING)
    return list(itertools.islice(_arrivals(stages), whole))


def _arrivals(stages: Sequence[Stage]) -> Iterator[float]:
    number, begun_s, due_before = 0, 0.0, 0.0
    for stage in stages:
        due_after = due_before + stage.total
        while number < due_after:
            yield begun_s + stage.reached_s(max(number - due_before, 0.0))
            number += 1
        begun_s += stage.for_s
        due_before = due_after


def share(arrivals: Sequence[float], *, index: int, of: int) -> list[tuple[int, float]]:
    """What falls to one of several processes: (the story's number, when it arrives), in order.

    Raises:
        ValueError: there is no such share.
    """
    if not 0 <= index < of:
        raise ValueError(f"share {index} of {of}: it must be one of 0 to {of - 1}")
    return list(enumerate(arrivals))[index::of]
