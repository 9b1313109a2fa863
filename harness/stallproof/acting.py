"""A run as it goes: where it stands, and the faults of its schedule, each on time."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Literal

import msgspec

from stallproof.clock import ArmedTimer
from stallproof.events import Bite, FaultPhase, Held, KernelTimer, Phase
from stallproof.faults import AnyFault
from stallproof.history import Recorder
from stallproof.holdings import holdings
from stallproof.model import Step
from stallproof.request import Progress, Request
from stallproof.sites.base import System
from stallproof.sites.capabilities import BrokerCommands, KernelTimers
from stallproof.workload import Driver

VISIBILITY_TIMEOUT_S = 3600.0
"""kombu's default. Source: kombu/transport/redis.py."""


class Run:
    """The state of one run while it goes."""

    def __init__(self, request: Request, recorder: Recorder) -> None:
        self.request = request
        self.recorder = recorder
        self.in_force: list[str] = []
        self.phase = "boot"
        self.driver: Driver | None = None
        self.load_t = 0.0
        self.boot_s: float | None = None
        """Real seconds."""
        self.kernel_timers: set[ArmedTimer] = set()
        self._began = time.monotonic()

    def enter(self, phase: str) -> None:
        self.phase = phase
        now = self.recorder.now()
        self.recorder.add(msgspec.convert({"kind": "phase", "t": now, "name": phase}, Phase))

    @property
    def real_s(self) -> float:
        """Real seconds since it began."""
        return time.monotonic() - self._began

    @property
    def all_done(self) -> bool:
        """The clients know of nothing that is under way or was left undone."""
        driver = self.driver
        return driver is not None and driver.idle and driver.n_done == driver.n_accepted

    async def until(self, t: float) -> None:
        """Sleep until that time of the history."""
        await self.recorder.clock.sleep(t - self.recorder.now())

    def progress(self) -> Progress:
        accepted = self.driver.n_accepted if self.driver else 0
        done = self.driver.n_done if self.driver else 0
        return Progress(
            phase=self.phase,
            faults=tuple(self.in_force),
            accepted=accepted,
            done=done,
            waiting=accepted - done,
        )


def note_kernel_timers(run: Run, system: System) -> bool:
    """Write down those armed so far. True: they may decide, so it must not go on at this speed."""
    if run.recorder.clock.speed == 1:
        return False
    armed = system.use(KernelTimers).armed()
    for timer in armed:
        if timer in run.kernel_timers:
            continue
        run.kernel_timers.add(timer)
        run.recorder.add(KernelTimer(t=run.recorder.now(), **timer._asdict()))
    steps = run.request.scenario.schedule.steps
    return bool(armed) and any(step.fault.kernel_timers for step in steps)


async def note_held(
    run: Run,
    system: System,
    when: Literal["before-fault", "after-fault", "end"],
    *,
    step: int | None = None,
) -> None:
    """Write down which messages the broker holds."""
    found = await holdings(system.use(BrokerCommands))
    timeout = {setting.key: setting.value for setting in run.request.settings}.get(
        "broker_transport_options.visibility_timeout"
    )
    run.recorder.add(
        Held(
            t=run.recorder.now(),
            when=when,
            step=step,
            holdings=found,
            visibility_timeout_s=VISIBILITY_TIMEOUT_S if timeout is None else float(timeout),
        )
    )


async def act(run: Run, system: System, index: int, step: Step) -> None:
    """One fault: begin it on time, prove that it bites, undo it on time (of the system)."""
    fault, start = step.fault, run.load_t
    if fault.lead_s:
        await run.until(start + step.at_s - fault.lead_s)
        await fault.prepare(system)
    await run.until(start + step.at_s)
    if fault.plane == "broker":
        await note_held(run, system, "before-fault", step=index)
    begun = await fault.begin(system)
    run.in_force.append(fault.describe())
    _note(run, index, fault, "begin", run.recorder.now() - start - step.at_s, begun)
    begun |= await fault.follow(system, begun)
    seen = await fault.observe(system, begun)
    run.recorder.add(
        Bite(
            t=run.recorder.now(),
            step=index,
            name=fault.name,
            bit=seen.bit,
            seen=seen.seen,
            numbers=seen.numbers,
        )
    )
    if step.for_s is not None:
        await run.until(start + step.ends_s)
        ended = await fault.end(system)
        _note(run, index, fault, "end", run.recorder.now() - start - step.ends_s, ended)
        if fault.plane == "broker":
            await note_held(run, system, "after-fault", step=index)
    run.in_force.remove(fault.describe())


def _note(
    run: Run, index: int, fault: AnyFault, phase: str, late_s: float, detail: Mapping[str, object]
) -> None:
    event = {
        "kind": "fault",
        "t": run.recorder.now(),
        "phase": phase,
        "step": index,
        "name": fault.name,
        "plane": fault.plane,
        "late_s": max(0.0, late_s),
        "detail": dict(detail),
    }
    run.recorder.add(msgspec.convert(event, FaultPhase))
