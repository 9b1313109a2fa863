"""A fault that takes its time: the history says how late it was."""

# ruff: noqa: ARG002 (the fault has nothing to do with any system)

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import anyio

from stallproof.acting import Run, act
from stallproof.events import FaultPhase
from stallproof.faults import Fault, Observation
from stallproof.history import History, Recorder
from stallproof.model import Step
from stallproof.sites.base import System

TAKES_S = 0.1
NONE = cast("Any", None)
"""No part of the request or of the system is asked for."""


class Slow(Fault, frozen=True, kw_only=True, tag="slow"):
    """Takes as long to begin as to end, and does nothing."""

    plane = "kernel"

    async def begin(self, system: System) -> dict[str, Any]:
        await anyio.sleep(TAKES_S)
        return {}

    async def end(self, system: System) -> dict[str, Any]:
        return await self.begin(system)

    async def observe(self, system: System, begun: dict[str, Any]) -> Observation:
        return Observation(bit=True, seen="nothing")


def test_begin_and_end_say_how_long_after_their_time_they_were_complete(tmp_path: Path) -> None:
    run = Run(NONE, Recorder(tmp_path / "history.jsonl"))
    run.load_t = run.recorder.now()
    step = Step(at_s=0.05, for_s=0.2, fault=cast("Any", Slow()))
    anyio.run(act, run, NONE, 0, step)
    begin, end = History.read(tmp_path / "history.jsonl").of(FaultPhase)
    for phase, due_s in ((begin, step.at_s), (end, step.ends_s)):
        assert TAKES_S <= phase.late_s <= phase.t - run.load_t - due_s, phase.phase
