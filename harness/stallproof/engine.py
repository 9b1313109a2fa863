"""Runs many scenarios side by side: each in a process tree of its own, judged in there.

    request -> enclosed `python -m stallproof.runner` -> run.json -> Results

The engine never looks into a run while it goes, but for the progress lines it prints.
"""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec
from scipy.stats import binomtest

from stallproof.diagnose import minimal_cause
from stallproof.model import (
    Finding,
    Interval,
    Results,
    RunRecord,
    ScenarioResult,
    Verdict,
    Workload,
    worst,
)
from stallproof.runner import Progress, Request
from stallproof.sites.namespaces import command_enclosed

MARGIN_S = 120.0
"""A run that takes so much longer than its own deadlines is ended: the harness is at fault."""


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """One run to be made, and its folder below the result's."""

    request: Request
    dir: str

    @property
    def deadline_s(self) -> float:
        scenario = self.request.scenario
        return scenario.workload.for_s + scenario.limits.settle_s + MARGIN_S


OnProgress = Callable[[Job, Progress], None]
OnDone = Callable[[Job, RunRecord], None]


def run_all(
    jobs: Sequence[Job],
    *,
    root: Path,
    at_once: int,
    on_progress: OnProgress,
    on_done: OnDone,
) -> Results:
    """Run all jobs, at most `at_once` at a time. `root/run.json` grows with each that ends."""
    lock = threading.Lock()
    ended: dict[str, RunRecord] = {}

    def one(job: Job) -> None:
        record = run_one(job, root=root, on_progress=on_progress)
        if record.boot_s is None and record.verdict is Verdict.INVALID:
            record = diagnose(job, record, root=root, on_progress=on_progress)
        with lock:
            ended[job.dir] = record
            done = [ended[job.dir] for job in jobs if job.dir in ended]
            _store(root / "run.json", summarize(done, run_dir=str(root)))
            on_done(job, record)

    with ThreadPoolExecutor(max_workers=at_once) as pool:
        for future in [pool.submit(one, job) for job in jobs]:
            future.result()
    return summarize([ended[job.dir] for job in jobs], run_dir=str(root))


def run_one(job: Job, *, root: Path, on_progress: OnProgress) -> RunRecord:
    """One run in its own process tree. A harness that fails gives a record that says so."""
    folder = root / job.dir
    (folder / "logs").mkdir(parents=True, exist_ok=True)
    request = folder / "request.json"
    request.write_bytes(msgspec.json.encode(job.request))
    command = [sys.executable, "-m", "stallproof.runner", str(request)]
    if job.request.namespaces:
        command = command_enclosed(command)
    with (folder / "logs" / "harness.log").open("w+b") as errors:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors)
        overdue = threading.Timer(job.deadline_s, process.kill)
        overdue.start()
        try:
            assert process.stdout is not None
            for line in process.stdout:
                on_progress(job, msgspec.json.decode(line, type=Progress))
            code = process.wait()
        finally:
            overdue.cancel()
            process.kill()
            process.wait()
        errors.seek(0)
        said = errors.read().decode(errors="replace").strip().splitlines()
    request.unlink()
    if code == 0:
        record = msgspec.json.decode((folder / "run.json").read_bytes(), type=RunRecord)
    else:
        reason = said[-1] if said else f"the runner ended with {code} and said nothing"
        record = _failed(job, reason)
    record = msgspec.structs.replace(record, dir=job.dir)
    _store(folder / "run.json", record)
    return record


def diagnose(job: Job, record: RunRecord, *, root: Path, on_progress: OnProgress) -> RunRecord:
    """The system never came up: find by experiment the settings without which it does."""
    boot_only = msgspec.structs.replace(
        job.request.scenario,
        schedule=type(job.request.scenario.schedule)(),
        workload=Workload(rate_per_s=1, for_s=1),
    )
    tried = 0

    def boots(without: frozenset[str]) -> bool:
        nonlocal tried
        tried += 1
        folder = f"{job.dir}/diagnosis/{tried}"
        spec = job.request.spec
        env = {**spec.env, "STORYMIMI_UNSET": ",".join(sorted(without))}
        spec = msgspec.structs.replace(spec, env=env, run_dir=str(root / folder))
        request = msgspec.structs.replace(job.request, scenario=boot_only, spec=spec)
        trial = Job(request=request, dir=folder)
        return run_one(trial, root=root, on_progress=on_progress).boot_s is not None

    keys = [setting.key for setting in job.request.settings]
    cause = minimal_cause(keys, boots)
    settings = {setting.key: setting for setting in job.request.settings}
    lines = [f"{settings[key].where or 'profile'}: {key} = {settings[key].value}" for key in cause]
    text = (
        f"Without {'this setting' if len(cause) == 1 else 'these settings'} the system starts, "
        f"with {'it' if len(cause) == 1 else 'them'} it does not "
        f"(found in {tried} boots): {'; '.join(lines)}"
        if cause
        else f"No setting of the profile decides it: the system does not start without them either "
        f"({tried} boots)."
    )
    finding = Finding(checker="cause", verdict=Verdict.INVALID, text=text, numbers={"boots": tried})
    record = msgspec.structs.replace(record, findings=(*record.findings, finding))
    _store(root / job.dir / "run.json", record)
    return record


def _failed(job: Job, reason: str) -> RunRecord:
    request = job.request
    finding = Finding(checker="harness", verdict=Verdict.UNKNOWN, text=reason)
    return RunRecord(
        scenario=request.scenario,
        profile=request.spec.profile,
        stack=request.stack,
        site=request.site,
        stack_versions=request.stack_versions,
        settings=request.settings,
        worker_args=request.worker_args,
        started_at="",
        verdict=Verdict.UNKNOWN,
        findings=(finding,),
    )


def harness_failed(results: Results) -> bool:
    """Whether any run got no verdict because the harness itself gave way (exit code 4)."""
    return any(
        finding.checker == "harness"
        for result in results.results
        for run in result.runs
        for finding in run.findings
    )


def summarize(records: Iterable[RunRecord], *, run_dir: str) -> Results:
    """Group runs by scenario, profile, stack and site, in the order they first appear."""
    groups: dict[tuple[str, str, str, str], list[RunRecord]] = {}
    for record in records:
        key = (record.scenario.name, record.profile, record.stack, record.site)
        groups.setdefault(key, []).append(record)
    return Results(
        run_dir=run_dir,
        results=tuple(_result(key, runs) for key, runs in groups.items()),
    )


def _result(key: tuple[str, str, str, str], runs: list[RunRecord]) -> ScenarioResult:
    verdicts = [run.verdict for run in runs]
    valid = verdicts.count(Verdict.VALID)
    share = binomtest(len(runs) - valid, len(runs)).proportion_ci(method="wilson")
    return ScenarioResult(
        scenario=key[0],
        profile=key[1],
        stack=key[2],
        site=key[3],
        n=len(runs),
        valid=valid,
        invalid=verdicts.count(Verdict.INVALID),
        unknown=verdicts.count(Verdict.UNKNOWN),
        interval=Interval(low=float(share.low), high=float(share.high)),
        findings=_worst_findings(runs),
        runs=tuple(runs),
    )


def _worst_findings(runs: Sequence[RunRecord]) -> tuple[Finding, ...]:
    by_checker: dict[str, list[Finding]] = {}
    for run in runs:
        for finding in run.findings:
            by_checker.setdefault(finding.checker, []).append(finding)
    answer = []
    for findings in by_checker.values():
        verdict = worst(finding.verdict for finding in findings)
        shown = next(finding for finding in findings if finding.verdict is verdict)
        counts = {
            "runs": float(len(findings)),
            "runs_invalid": float(sum(f.verdict is Verdict.INVALID for f in findings)),
        }
        answer.append(msgspec.structs.replace(shown, numbers={**shown.numbers, **counts}))
    return tuple(answer)


def _store(path: Path, value: msgspec.Struct) -> None:
    """Whole or not at all: a crash in between leaves the former version."""
    temporary = path.with_suffix(".tmp")
    temporary.write_bytes(msgspec.json.format(msgspec.json.encode(value)))
    temporary.replace(path)
