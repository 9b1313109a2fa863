"""One scenario, start to verdict. Runs inside the site's enclosure, as a process of its own.

Writes `history.jsonl`, `logs/` and at the end `run.json` into the run's folder; while it goes,
one JSON line per change of its progress to standard output.
"""

from __future__ import annotations

import datetime as dt
import resource
import sys
import traceback
from collections.abc import Iterable
from pathlib import Path

import anyio
import httpx2
import msgspec

from stallproof.acting import Run, act, note_held, note_kernel_timers
from stallproof.advice import advise
from stallproof.checkers import FATES_AT_MOST, judge_facts
from stallproof.checkers.facts import Facts
from stallproof.checkers.spent import spent_of
from stallproof.clock import Clock
from stallproof.events import ClockSet, Seizure
from stallproof.failures import one_line_each
from stallproof.forensics.seize import Forensics
from stallproof.forensics.words import evidence
from stallproof.history import History, Recorder
from stallproof.load.driver import RESULT, LocustDriver
from stallproof.load.result import in_run, read_result
from stallproof.load.usage import watch_cpu
from stallproof.model import Scenario, Verdict
from stallproof.records import Finding, RunRecord
from stallproof.request import Progress, Request, record_of
from stallproof.sites.base import CapabilityMissingError, Site, System
from stallproof.sites.choice import site_of
from stallproof.warmup import warm_up
from stallproof.watch import watch
from stallproof.workload import Clients, Driver

PROGRESS_S = 0.25
LAST_LOOK_S = 1.0
IDLE_S = 2.5
"""A connection that was idle for so long is not used again. Uvicorn closes it after 5 s, and what
is sent at that moment is reset, by nobody's fault but the client's."""
HARNESS_FAILED = 4


async def execute(run: Run, site: Site) -> None:
    """Boot, warm up, load while the faults go, settle."""
    recorder = run.recorder
    forensics: Forensics | None = None
    recorder.add(
        ClockSet(t=recorder.now(), speed=recorder.clock.speed, wall_s=recorder.clock.wall_s())
    )
    run.enter("boot")
    async with (
        site.boot(run.request.spec, run.recorder) as system,
        _http(system.api_url, recorder.clock) as http,
        anyio.create_task_group() as background,
    ):
        if missing := lacking(run.request.scenario, system):
            raise CapabilityMissingError(", ".join(missing))
        clients = Clients(run.recorder, http)
        background.start_soon(watch, system, run.recorder, http)
        if run.request.locust is not None:
            background.start_soon(watch_cpu, run.recorder)
        background.start_soon(_report, run)
        works = await warm_up(run, system, clients=clients, http=http)
        if works:
            run.boot_s = run.real_s
            if not note_kernel_timers(run, system):
                forensics = Forensics(
                    system, recorder, run.request.scenario, Path(run.request.spec.run_dir)
                )
                background.start_soon(forensics.watch)
                await _load(run, system, _driver(run, system, clients))
                note_kernel_timers(run, system)
        run.enter("end")
        if forensics is not None:
            await forensics.finish(all_done=run.all_done)
        background.cancel_scope.cancel()


def _http(base_url: str, clock: Clock) -> httpx2.AsyncClient:
    limits = httpx2.Limits(
        # Each client of the open model may hold a connection of its own; none waits for another's.
        max_connections=None,
        max_keepalive_connections=20,
        keepalive_expiry=clock.real_s(IDLE_S),
    )
    # Nothing here speaks TLS; to read the certificates would take 20 ms of every run.
    return httpx2.AsyncClient(base_url=base_url, limits=limits, trust_env=False, verify=False)


def _driver(run: Run, system: System, clients: Clients) -> Driver:
    """Locust where the request asks for it, else the clients that did the warm-up."""
    request = run.request
    if request.locust is None:
        return clients
    folder = Path(request.spec.run_dir)
    return LocustDriver(request.locust, host=system.api_url, folder=folder, recorder=run.recorder)


async def _load(run: Run, system: System, driver: Driver) -> None:
    """Stories arrive and faults come and go; then watch until all is done, or long enough."""
    scenario = run.request.scenario
    clock = run.recorder.clock
    run.driver = driver
    async with driver.prepared():
        run.enter("load")
        run.load_t = run.recorder.now()
        start = anyio.current_time()
        async with anyio.create_task_group() as faults:
            for index, step in enumerate(scenario.schedule.steps):
                faults.start_soon(act, run, system, index, step)
            await driver.send(scenario.workload, start)
        run.enter("settle")
        with anyio.move_on_after(clock.real_s(scenario.limits.settle_s)):
            while not driver.idle:
                await anyio.sleep(0.1)
        # One more sample of everything, so that the end is seen and not inferred.
        await note_held(run, system, "end")
        await anyio.sleep(clock.real_s(LAST_LOOK_S, at_least_s=LAST_LOOK_S))
        await note_held(run, system, "end")


async def _report(run: Run) -> None:
    last: Progress | None = None
    while True:
        now = run.progress()
        if now != last:
            sys.stdout.buffer.write(msgspec.json.encode(now) + b"\n")
            sys.stdout.buffer.flush()
            last = now
        await anyio.sleep(PROGRESS_S)


def lacking(scenario: Scenario, ground: Site | System) -> list[str]:
    """What the scenario's faults need and is not offered there: `idle-reset needs Sockets`."""
    return sorted(
        {
            f"{step.fault.name} needs {need.__name__}"
            for step in scenario.schedule.steps
            for need in step.fault.needed
            if not ground.offers(need)
        }
    )


def record(
    run: Run,
    findings: tuple[Finding, ...],
    started_at: str,
    *,
    cpu_s: float,
    seizures: Iterable[Seizure] = (),
) -> RunRecord:
    """Put everything that a report needs into one value."""
    request = run.request
    return msgspec.structs.replace(
        record_of(request, findings=findings, started_at=started_at),
        seconds=run.real_s,
        boot_s=run.boot_s,
        load_t=run.load_t,
        harness_cpu_s=cpu_s,
        advice=advise(
            request.scenario,
            findings,
            request.settings,
            request.worker_args,
            request.stack_versions,
        ),
        evidence=evidence(seizures, load_t=run.load_t),
    )


def main(argument: str) -> int:
    """Run the request in the file `argument`.

    Answers 0: judged; 4: the harness failed, which the last line on stderr explains.
    """
    request = msgspec.json.decode(Path(argument).read_bytes(), type=Request)
    folder = Path(request.spec.run_dir)
    started_at = dt.datetime.now(dt.UTC).isoformat(timespec="milliseconds")
    clock = Clock.starting_now(request.speed)
    recorder = Recorder(folder / "history.jsonl", clock=clock)
    run = Run(request, recorder)
    site = site_of(request.site)
    missing = ", ".join(lacking(request.scenario, site))
    failures: list[str] = []
    try:
        if not missing:
            anyio.run(execute, run, site)
    except* CapabilityMissingError as found:  # it could be told only once the system was up
        missing = "; ".join(str(problem) for problem in found.exceptions)
    except* Exception as problems:  # noqa: BLE001  # whatever it is, it says nothing of the system
        failures = one_line_each(problems)
        traceback.print_exception(problems)
    finally:
        recorder.close()
    if failures:
        sys.stderr.write("; ".join(failures) + "\n")
        return HARNESS_FAILED
    if missing:
        text = f"this site cannot do it: {missing}"
        needs = Finding(checker="needs", verdict=Verdict.UNKNOWN, text=text)
        _store(folder, record(run, (needs,), started_at, cpu_s=0.0))
        return 0
    usage = resource.getrusage(resource.RUSAGE_SELF)
    history = History.read(folder / "history.jsonl")
    facts = Facts(history, request.scenario)
    findings = judge_facts(facts)
    if (folder / RESULT).exists():
        findings += in_run(read_result(folder / RESULT).findings, findings)
    cpu_s = usage.ru_utime + usage.ru_stime
    judged = record(run, findings, started_at, cpu_s=cpu_s, seizures=history.of(Seizure))
    _store(
        folder,
        msgspec.structs.replace(
            judged,
            fates=facts.fates[:FATES_AT_MOST],
            spent=spent_of(facts, whole_s=judged.seconds),
        ),
    )
    return 0


def _store(folder: Path, judged: RunRecord) -> None:
    (folder / "run.json").write_bytes(msgspec.json.encode(judged))
