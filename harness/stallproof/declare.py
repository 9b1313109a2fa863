"""How a scenario is written down: a decorator over a docstring.

    @scenario(
        schedule=[at(4, IdleReset(links=WORKER))],
        workload=Workload(rate_per_s=2, for_s=10),
    )
    def idle_reset_worker():
        '''The network resets the worker's idle connections.

        On Cloud Run: ...
        The guide promises: ...
        Must hold: ...
        '''

The decorated name becomes a `Scenario` value called `idle-reset-worker`.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping, Sequence

from stallproof.model import Expect, Limits, Scenario, Schedule, Step, Verdict, Workload
from stallproof.sites.base import Persistence, Route

SECTIONS = {
    "On Cloud Run": "on_cloud_run",
    "The guide promises": "guide_promises",
    "Must hold": "must_hold",
}


def scenario(
    *,
    schedule: Sequence[Step] = (),
    workload: Workload | None = None,
    limits: Limits | None = None,
    route: Route | None = None,
    persistence: Persistence = Persistence.AOF,
    max_speed: float = 1.0,
    settings: Mapping[str, object] | None = None,
    tags: Sequence[str] = (),
    expected: Mapping[str, Expect] | None = None,
) -> Callable[[Callable[[], None]], Scenario]:
    """Turn a function that is only a docstring into a `Scenario`.

    Args:
        schedule: the faults, placed in time.
        workload: when stories arrive; two a second for twelve seconds by default.
        limits: what must hold beyond the defaults.
        route: the way to the broker; what the faults need by default, else direct.
        persistence: what the broker keeps over a restart.
        max_speed: how many times faster than real time it may run, and does by default.
        settings: by dotted key, laid over those of any profile.
        tags: groups to select it by.
        expected: per profile that does not hold, what it shows instead.

    Raises:
        ValueError: the docstring lacks a section, or the values contradict one another.
    """

    def declare(function: Callable[[], None]) -> Scenario:
        name = function.__name__.replace("_", "-")
        title, sections = read_docstring(name, inspect.getdoc(function) or "")
        steps = Schedule(steps=tuple(schedule))
        return Scenario(
            name=name,
            title=title,
            **sections,
            schedule=steps,
            workload=workload or Workload(),
            limits=limits or Limits(),
            route=route or steps.route or Route.DIRECT,
            persistence=persistence,
            max_speed=max_speed,
            settings=dict(settings or {}),
            tags=tuple(tags),
            expected=dict(expected or {}),
        )

    return declare


def read_docstring(name: str, text: str) -> tuple[str, dict[str, str]]:
    """Split a scenario's docstring into its title and its three sections.

    Raises:
        ValueError: the title or a section is missing.
    """
    title, _, body = text.partition("\n")
    if not title.strip():
        raise ValueError(f"scenario {name}: its docstring must start with a title")
    pattern = "|".join(map(re.escape, SECTIONS))
    parts = re.split(rf"^({pattern}):", body, flags=re.MULTILINE)
    found = {
        SECTIONS[heading]: " ".join(paragraph.split())
        for heading, paragraph in zip(parts[1::2], parts[2::2], strict=True)
    }
    missing = [heading for heading, field in SECTIONS.items() if not found.get(field)]
    if missing:
        raise ValueError(f"scenario {name}: its docstring lacks {', '.join(missing)}")
    return title.strip().rstrip("."), found


def breaks(*checkers: str, because: str, sometimes: bool = False) -> Expect:
    """What goes on record for a profile that does not hold: who says so, and why.

        expected={"celery-defaults": breaks("accept", because="No outbox.")}

    Args:
        checkers: those that are violated every time (others may be as well); none where it is
            sure that something is, but which depends on the moment.
        because: why, in a sentence or two, with the setting that decides it.
        sometimes: only some runs show it; name no checkers then.
    """
    return Expect(verdict=Verdict.INVALID, checkers=checkers, because=because, sometimes=sometimes)
