"""One line of the drawing for each instance of a service that there was at a time."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

from stallproof.events import Health, InstancePhase

E = TypeVar("E", Health, InstancePhase)


class Lanes:
    """Which line an instance's events are drawn on: `worker`, and beside it `worker 2`.

    An instance that comes after another has ended takes its line.
    """

    def __init__(self, events: Iterable[Health | InstancePhase]) -> None:
        spans: dict[tuple[str, str], tuple[float, float]] = {}
        for event in events:
            of = (event.service, event.instance)
            first_t, last_t = spans.get(of, (event.t, event.t))
            spans[of] = (min(first_t, event.t), max(last_t, event.t))
        self._lanes: dict[tuple[str, str], str] = {}
        ends: dict[str, list[float]] = {}
        for of, (first_t, last_t) in sorted(spans.items(), key=lambda item: item[1]):
            taken = ends.setdefault(of[0], [])
            free = next((n for n, end_t in enumerate(taken) if end_t < first_t), len(taken))
            taken[free : free + 1] = [last_t]
            self._lanes[of] = of[0] if free == 0 else f"{of[0]} {free + 1}"

    def sort(self, events: Iterable[E]) -> dict[str, list[E]]:
        """The events by line, those of the worker first."""
        sorted_out: dict[str, list[E]] = {}
        for event in events:
            lane = self._lanes[event.service, event.instance]
            sorted_out.setdefault(lane, []).append(event)
        order = {"worker": 0, "api": 1}
        return dict(
            sorted(sorted_out.items(), key=lambda item: (order.get(item[0].split()[0], 2), item[0]))
        )
