"""Spans of time as sorted, disjoint `(from, to)` pairs in seconds, and their algebra.

Checkers ask such things as "queued, and no fault in force, and not busy": unions,
intersections and differences. Spans of no length vanish; spans that touch become one.
Each operation is O(n log n) in the spans it is given.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

Span = tuple[float, float]


def union(spans: Iterable[Span]) -> list[Span]:
    """The time that lies in any of them."""
    joined: list[Span] = []
    for start, end in sorted(spans):
        if end <= start:
            continue
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(joined[-1][1], end))
        else:
            joined.append((start, end))
    return joined


def deep(spans: Iterable[Span], at_least: int) -> list[Span]:
    """The time that lies in at least so many of them at once."""
    found: list[Span] = []
    opened_t = 0.0
    for t, before, after in _depths(spans):
        if before < at_least <= after:
            opened_t = t
        elif after < at_least <= before:
            found.append((opened_t, t))
    return union(found)


def depth(spans: Iterable[Span]) -> int:
    """How many of them overlap, at most. One that ends as another begins does not overlap it."""
    return max((after for _, _, after in _depths(spans)), default=0)


def _depths(spans: Iterable[Span]) -> Iterable[tuple[float, int, int]]:
    """Each change of depth: when, from how many, to how many. Ends come before beginnings."""
    changes = [change for a, b in spans if a < b for change in ((a, 1), (b, -1))]
    level = 0
    for t, by in sorted(changes):
        yield t, level, level + by
        level += by


def intersect(left: Iterable[Span], right: Iterable[Span]) -> list[Span]:
    """The time that lies in both."""
    return deep([*union(left), *union(right)], 2)


def subtract(left: Iterable[Span], right: Iterable[Span]) -> list[Span]:
    """The time of the left that is not of the right."""
    kept = union(left)
    if not kept:
        return []
    gaps: list[Span] = []
    open_t = kept[0][0]
    for start, end in union(right):
        gaps.append((open_t, start))
        open_t = max(open_t, end)
    gaps.append((open_t, max(open_t, kept[-1][1])))
    return intersect(kept, gaps)


def split(spans: Iterable[Span], at: Iterable[float]) -> list[Span]:
    """The same time, cut at each of the moments: touching spans that `union` would join again."""
    cuts = sorted(set(at))
    pieces: list[Span] = []
    position = 0
    for start, end in union(spans):
        while position < len(cuts) and cuts[position] <= start:
            position += 1
        while position < len(cuts) and cuts[position] < end:
            pieces.append((start, cuts[position]))
            start = cuts[position]  # noqa: PLW2901 (what is left of the span)
            position += 1
        pieces.append((start, end))
    return pieces


def held(samples: Sequence[tuple[float, bool]], *, until_t: float) -> list[Span]:
    """When a sampled state was so: from each sample that says yes to the next sample."""
    moments = [*(t for t, _ in samples), until_t]
    return union((t, moments[i + 1]) for i, (t, yes) in enumerate(samples) if yes)


def total_s(spans: Iterable[Span]) -> float:
    """Their length, taken together."""
    return sum(end - start for start, end in spans)


def longest_s(spans: Iterable[Span]) -> float:
    """The length of the longest; 0 when there is none."""
    return max((end - start for start, end in spans), default=0.0)
