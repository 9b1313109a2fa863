"""Before anything is broken: does the system work at all?"""

from __future__ import annotations

import itertools
import threading

import anyio
import httpx2

from stallproof.acting import Run
from stallproof.events import AnyEvent, Log, Starved
from stallproof.history import Recorder
from stallproof.patience import Patience
from stallproof.sites.base import System
from stallproof.workload import Clients


async def warm_up(run: Run, system: System, *, clients: Clients, http: httpx2.AsyncClient) -> bool:
    """One story from accept to done, before anything is broken. False: it never came to that.

    The boot is over, for the run, when the API answers.

    A POST that is refused is tried again with a new story: a service may answer before it can
    work. A worker's health port may, too: so what counts is how often a service exits.
    """
    request, recorder = run.request, run.recorder
    work_s = recorder.clock.real_s(request.spec.task_s)
    patience = Patience(request.boot_deadline_s + work_s)
    async with anyio.create_task_group() as group:
        group.start_soon(_run_out, patience, group.cancel_scope)
        group.start_soon(_count_exits, system, request.exits_allowed, group.cancel_scope)
        if request.only_start:
            group.start_soon(_worker_ready, recorder, group.cancel_scope)
        while not await _answers(http):
            await anyio.sleep(0.05)
        run.enter("warmup")
        for number in itertools.count(1):
            if await clients.story(-number):
                break
            await anyio.sleep(0.5)
        group.cancel_scope.cancel()
    if not clients.n_done:
        recorder.add(Starved(t=recorder.now(), for_s=patience.starved_s))
        return False
    clients.accepted.clear()
    clients.done.clear()
    return True


async def _answers(http: httpx2.AsyncClient) -> bool:
    try:
        return (await http.get("/health", timeout=1.0)).is_success
    except httpx2.HTTPError:
        return False


async def _run_out(patience: Patience, scope: anyio.CancelScope) -> None:
    await patience.ends()
    scope.cancel()


async def _count_exits(system: System, allowed: int, scope: anyio.CancelScope) -> None:
    """Cancel the warm-up once a service has exited too often."""
    while all(len(instance.exits) <= allowed for instance in system.instances.values()):
        await anyio.sleep(0.1)
    scope.cancel()


async def _worker_ready(recorder: Recorder, scope: anyio.CancelScope) -> None:
    """Cancel the warm-up once the worker says that it is ready."""
    ready = threading.Event()

    def look(event: AnyEvent) -> None:
        if isinstance(event, Log) and (event.service, event.what) == ("worker", "ready"):
            ready.set()

    recorder.watch(look)
    while not ready.is_set():
        await anyio.sleep(0.05)
    scope.cancel()
