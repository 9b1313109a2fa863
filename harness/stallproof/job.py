"""One run to be made: what, and in which folder."""

from __future__ import annotations

from pathlib import Path

import msgspec

from stallproof.request import Request

MARGIN_S = 120.0
"""A run that takes so much longer than its own deadlines is ended: the harness is at fault."""


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """One run to be made, and its folder below the result's."""

    request: Request
    dir: str

    @property
    def likely_s(self) -> float:
        """Real seconds, boot apart: one that is known not to hold is watched to the end."""
        scenario, workload = self.request.scenario, self.request.scenario.workload
        fails = self.request.spec.profile in scenario.expected
        # A task before the load, for the warm-up, and one that it ends with.
        at_least_s = workload.task_s + workload.for_s + workload.task_s
        system_s = at_least_s + (scenario.limits.settle_s if fails else 0.0)
        return system_s / self.request.speed

    @property
    def deadline_s(self) -> float:
        """Real seconds."""
        scenario = self.request.scenario
        workload = scenario.workload
        # The warm-up does one task, too.
        system_s = workload.task_s + workload.for_s + scenario.limits.settle_s
        return system_s / self.request.speed + MARGIN_S


def store(path: Path, value: msgspec.Struct) -> None:
    """Whole or not at all: a crash in between leaves the former version."""
    temporary = path.with_suffix(".tmp")
    temporary.write_bytes(msgspec.json.format(msgspec.json.encode(value)))
    temporary.replace(path)
