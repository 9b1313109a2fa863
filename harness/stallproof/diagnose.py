"""Which settings decide it: the smallest set without which a thing that fails succeeds.

Delta debugging (Zeller and Hildebrandt, "Simplifying and Isolating Failure-Inducing Input",
2002) over the set of settings taken away.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence


def minimal_cause(
    keys: Sequence[str], succeeds_without: Callable[[frozenset[str]], bool]
) -> tuple[str, ...]:
    """A 1-minimal subset of `keys` whose removal makes it succeed; empty: not even all of them.

    For a single cause among n settings it takes about 2 log2(n) experiments. A result of
    several keys means that each of them has to go.
    """
    cause = list(keys)
    if not cause or not succeeds_without(frozenset(cause)):
        return ()
    parts = 2
    while len(cause) > 1:
        size = -(-len(cause) // parts)
        chunks = [cause[i : i + size] for i in range(0, len(cause), size)]
        for chunk in chunks:
            if succeeds_without(frozenset(chunk)):
                cause, parts = chunk, 2
                break
            rest = [key for key in cause if key not in chunk]
            if len(chunks) > 2 and succeeds_without(frozenset(rest)):
                cause, parts = rest, max(parts - 1, 2)
                break
        else:
            if parts >= len(cause):
                break
            parts = min(len(cause), parts * 2)
    return tuple(cause)


def all_causes(
    keys: Sequence[str], succeeds_without: Callable[[frozenset[str]], bool], *, at_most: int = 3
) -> list[tuple[str, ...]]:
    """Every cause that can be found one after another, at most `at_most`.

    A failure can often be ended at several places: by the option that is wrong, or by the switch
    that lets it be read. Each is found with the former ones kept in force.
    """
    causes: list[tuple[str, ...]] = []
    while len(causes) < at_most:
        found = {key for cause in causes for key in cause}
        cause = minimal_cause([key for key in keys if key not in found], succeeds_without)
        if not cause:
            break
        causes.append(cause)
    return causes
