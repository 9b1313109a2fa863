"""The lives of a service's instances: who was there when, and who took work."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from stallproof.checkers.spans import Span
from stallproof.history import InstancePhase


@dataclass(frozen=True)
class Life:
    """An instance from its start to its exit."""

    instance: str
    start_t: float
    told_t: float
    """When it was told to end (SIGTERM), if it was, else its end: from then on it takes no work."""
    end_t: float
    """Its exit; else the end of the watch."""

    @property
    def span(self) -> Span:
        return (self.start_t, self.end_t)


def same(one: str, other: str) -> bool:
    """Whether both ids may be one instance's: one that is not known may be anybody's."""
    return one == other or not one or not other


def lives_of(phases: Iterable[InstancePhase], *, until_t: float) -> tuple[Life, ...]:
    """The lives that the phases of one service tell of, in order of their start. O(n log n).

    An instance that is started under an id again (histories of old know none) ends its life
    before. A service of which no start was seen counts as one that was always there.
    """
    begun: dict[str, tuple[float, float | None]] = {}
    lives = []

    def end(instance: str, t: float) -> None:
        start_t, told_t = begun.pop(instance)
        lives.append(Life(instance, start_t, t if told_t is None else told_t, t))

    for phase in phases:
        if phase.phase == "start":
            if phase.instance in begun:
                end(phase.instance, phase.t)
            begun[phase.instance] = (phase.t, None)
        elif phase.instance not in begun:
            continue
        elif phase.phase == "exit":
            end(phase.instance, phase.t)
        elif phase.phase == "sigterm":
            begun[phase.instance] = (begun[phase.instance][0], phase.t)
    for instance in tuple(begun):
        end(instance, until_t)
    if not lives:
        return (Life("", float("-inf"), until_t, until_t),)
    return tuple(sorted(lives, key=lambda life: life.start_t))
