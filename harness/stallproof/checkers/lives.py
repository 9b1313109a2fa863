"""The lives of a service's instances: who was there when, and who took work."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from stallproof.checkers.spans import Span
from stallproof.events import Health, InstancePhase


@dataclass(frozen=True)
class Life:
    """An instance from its start to its exit."""

    instance: str
    start_t: float
    up_t: float
    """Its first healthy answer; its start, if that was before the load; its end, if it had none."""
    told_t: float
    """When it was told to end (SIGTERM), if it was, else its end: from then on it takes no work."""
    end_t: float
    """Its exit; else the end of the watch."""

    @property
    def span(self) -> Span:
        return (self.start_t, self.end_t)

    @property
    def service_span(self) -> Span:
        """When it was there to take work, and to answer for itself."""
        return (self.up_t, self.told_t)


def same(one: str, other: str) -> bool:
    """Whether both ids may be one instance's: one that is not known may be anybody's."""
    return one == other or not one or not other


def lives_of(
    phases: Iterable[InstancePhase],
    *,
    healthy: Sequence[Health],
    load_t: float | None,
    until_t: float,
) -> tuple[Life, ...]:
    """The lives that the phases of one service tell of, in order of their start.

    `healthy` are its answers that say so. An instance that is started under an id again
    (histories of old know none) ends its life before. A service of which no start was seen counts
    as one that was always there. O(n log n).
    """
    begun: dict[str, tuple[float, float | None]] = {}
    lives = []

    def end(instance: str, t: float) -> None:
        start_t, told_t = begun.pop(instance)
        in_load = load_t is not None and start_t > load_t
        answers = (h.t for h in healthy if start_t <= h.t < t and same(h.instance, instance))
        up_t = next(answers, t) if in_load else start_t
        lives.append(Life(instance, start_t, up_t, t if told_t is None else told_t, t))

    for phase in phases:
        known = phase.instance in begun
        if known and phase.phase in ("start", "exit"):
            end(phase.instance, phase.t)
        if phase.phase == "start":
            begun[phase.instance] = (phase.t, None)
        elif known and phase.phase == "sigterm":
            begun[phase.instance] = (begun[phase.instance][0], phase.t)
    for instance in tuple(begun):
        end(instance, until_t)
    if not lives:
        return (Life("", float("-inf"), float("-inf"), until_t, until_t),)
    return tuple(sorted(lives, key=lambda life: life.start_t))
