"""Which process of the run uses how much processor time: what bounds a load is read from it."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator

import anyio
import psutil
from anyio import to_thread

from stallproof.events import Cpu
from stallproof.history import Recorder

PERIOD_S = 1.0
BROKERS = ("valkey-server", "redis-server")


async def watch_cpu(recorder: Recorder) -> None:
    """Sample all processes of this run until cancelled."""
    meter = Meter()
    begun = anyio.current_time()
    while True:
        await anyio.sleep(PERIOD_S)
        now = anyio.current_time()
        spent_s, all_s = await to_thread.run_sync(meter.spent_s)
        shares = {name: round(s / (now - begun), 4) for name, s in spent_s.items() if s > 0}
        others = max(all_s / (now - begun) - sum(shares.values()), 0.0)
        recorder.add(Cpu(t=recorder.now(), shares=shares, others=round(others, 4)))
        begun = now


class Meter:
    """Processor time by process, from one look to the next."""

    def __init__(self) -> None:
        self._before: dict[int, float] = {}
        self._names: dict[int, str] = {}
        self._given: Counter[str] = Counter()
        self._machine_before = _machine_s()

    def spent_s(self) -> tuple[dict[str, float], float]:
        """Seconds of processor time since the last call: by process, and the whole machine's.

        A process that is new counts from 0.
        """
        spent: dict[str, float] = {}
        machine, before = _machine_s(), self._machine_before
        self._machine_before = machine
        now: dict[int, float] = {}
        for process in _of_this_run():
            try:
                times = process.cpu_times()
                name = self._name(process)
            except psutil.Error:  # it has just ended
                continue
            now[process.pid] = times.user + times.system
            spent[name] = now[process.pid] - self._before.get(process.pid, 0.0)
        self._before = now
        return spent, machine - before

    def _name(self, process: psutil.Process) -> str:
        """A process keeps its name; the pool's and Locust's are numbered as they are met."""
        if process.pid not in self._names:
            role = _role(process)
            if role in ("worker pool", "locust"):
                self._given[role] += 1
                role = f"{role} {self._given[role]}"
            self._names[process.pid] = role
        return self._names[process.pid]


def _machine_s() -> float:
    """Processor time of everything since the machine started."""
    times = psutil.cpu_times()
    return float(times.user + times.nice + times.system + times.irq + times.softirq)


def _of_this_run() -> Iterator[psutil.Process]:
    """The runner, and all that came of it or of the one that started it."""
    runner = psutil.Process()
    parent = runner.parent() or runner
    yield from parent.children(recursive=True) if parent.pid != runner.pid else [runner]


def _role(process: psutil.Process) -> str:
    if process.pid == os.getpid():
        return "harness"
    argv = process.cmdline()
    said = " ".join(argv)
    if any(broker in said.split(" ")[0] for broker in BROKERS):
        return "broker"
    if "locust" in argv:
        return "locust"
    if "storymimi" in said or "celery" in said:
        service = process.environ().get("SERVICE_TYPE", "system")
        parent = process.parent()
        child = parent is not None and parent.environ().get("SERVICE_TYPE") == service
        return "worker pool" if child and service == "worker" else service
    return process.name()
