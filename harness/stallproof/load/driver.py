"""Locust as the driver of a run's workload: its stories' events become the run's history.

It runs inside the run's enclosure, in the network of the runner, and dies with it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import anyio
from anyio import to_thread

from stallproof.events import NotSent, Op
from stallproof.exits import Exit
from stallproof.history import Recorder
from stallproof.load import lines
from stallproof.load.command import RESULT, LocustLoad, locust_command, locust_environment
from stallproof.model import Workload
from stallproof.sites.base import SiteError
from stallproof.sites.hosts import Here
from stallproof.sites.logs import ServiceLog
from stallproof.sites.process import KILL_TIMEOUT_S, Process
from stallproof.sites.redact import redactor

__all__ = ["RESULT", "LocustDriver"]

READY_DEADLINE_S = 60.0
READ_S = 0.1
JUDGED = (Exit.VALID, Exit.VIOLATED, Exit.INCONCLUSIVE)


class LocustDriver:
    """`stallproof.workload.Driver`."""

    def __init__(self, load: LocustLoad, *, host: str, folder: Path, recorder: Recorder) -> None:
        self._load = load
        self._recorder = recorder
        self._folder = folder
        self._lines = folder / "locust.jsonl"
        self._go = folder / "locust.go"
        self._reader = lines.LineReader(self._lines)
        self._command = locust_command(
            load, host=host, folder=folder, lines=self._lines, go=self._go
        )
        self._ready = 0
        self._ended = False
        self.n_accepted = 0
        self.n_done = 0

    @property
    def idle(self) -> bool:
        """Locust has judged and ended: it waits for the stories itself, up to its drain limit."""
        return self._ended

    @asynccontextmanager
    async def prepared(self) -> AsyncIterator[None]:
        log = ServiceLog(
            self._folder / "logs",
            service="locust",
            recorder=self._recorder,
            redact=redactor([]),
            watched=False,
        )
        process = Process(
            self._command, env=locust_environment(), cwd=self._folder, host=Here(), log=log
        )
        try:
            async with anyio.create_task_group() as reading:
                reading.start_soon(self._follow, process, log)
                await self._until_ready(process)
                yield
                reading.cancel_scope.cancel()
        finally:
            with anyio.CancelScope(shield=True):
                with suppress(ProcessLookupError):
                    process.kill_tree()
                await to_thread.run_sync(process.wait, KILL_TIMEOUT_S)
            log.close()
            for path in (self._lines, self._go):
                path.unlink(missing_ok=True)

    async def send(self, workload: Workload, start: float) -> None:
        """Locust knows the arrivals: it is told the moment, on a clock that we share."""
        whole = self._go.with_suffix(".tmp")
        whole.write_text(repr(start))
        whole.replace(self._go)
        await anyio.sleep_until(start + workload.for_s)

    async def _until_ready(self, process: Process) -> None:
        with anyio.move_on_after(READY_DEADLINE_S):
            while self._ready < self._load.processes and process.running:
                await anyio.sleep(0.02)
        if process.running and self._ready < self._load.processes:
            raise SiteError(
                f"{self._load.processes} Locust processes were to be ready within "
                f"{READY_DEADLINE_S:g} s; {self._ready} were"
            )

    async def _follow(self, process: Process, log: ServiceLog) -> None:
        """Lines into the history until Locust has ended, and then the last of them."""
        while process.running:
            self._take()
            await anyio.sleep(READ_S)
        self._take()
        if process.exit_code not in JUDGED:
            raise SiteError(f"Locust ended with {process.exit_code}: {log.last_line}")
        self._ended = True

    def _take(self) -> None:
        for line in self._reader.read():
            if isinstance(line, lines.Ready):
                self._ready += 1
            elif isinstance(line, lines.NotSent):
                self._recorder.add(NotSent(t=self._t(line.monotonic_s), story=line.story))
            else:
                self._add(line)

    def _add(self, line: lines.Sent) -> None:
        self._recorder.add(
            Op(
                t=self._t(line.monotonic_s),
                f=line.f,
                type=line.type,
                story=line.story,
                story_id=line.story_id,
                latency_s=line.latency_s,
                error=line.error,
                late_s=line.late_s,
            )
        )
        if line.type == "ok":
            self.n_accepted += line.f == "submit"
            self.n_done += line.f == "await"

    def _t(self, monotonic_s: float) -> float:
        return monotonic_s - self._recorder.started_at
