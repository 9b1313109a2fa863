"""How a load flowed: stories accepted and done a second, and how long the done ones had taken.

What rows of single stories cannot show once there are thousands of them.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable

import msgspec

from stallproof.report.stories import Story

FINEST_S = 1.0
MOST_BINS = 240


class Flow(msgspec.Struct, frozen=True, kw_only=True):
    """What happened between `begin` and `end`, seconds on the drawing's axis."""

    begin: float
    end: float
    accepted_per_s: float
    done_per_s: float
    p95_s: float | None
    """From accepted to done, of the stories done in this time; None: none was."""


def flow_of(stories: Iterable[Story], end: float) -> tuple[Flow, ...]:
    """Bins of a second, or wider so that there are no more than MOST_BINS. O(n log n)."""
    width = max(FINEST_S, end / MOST_BINS)
    accepted: dict[int, int] = defaultdict(int)
    took: dict[int, list[float]] = defaultdict(list)
    for story in stories:
        if story.accepted is None:
            continue
        accepted[int(story.accepted / width)] += 1
        if story.done is not None:
            took[int(story.done / width)].append(max(story.done - story.accepted, 0.0))
    return tuple(
        Flow(
            begin=i * width,
            end=min((i + 1) * width, end),
            accepted_per_s=accepted[i] / width,
            done_per_s=len(took[i]) / width,
            p95_s=sorted(took[i])[math.ceil(0.95 * len(took[i])) - 1] if took[i] else None,
        )
        for i in range(math.ceil(end / width))
    )
