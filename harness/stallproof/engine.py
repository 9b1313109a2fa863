"""Runs many scenarios side by side: each in a process tree of its own, judged in there.

    request -> enclosed `python -m stallproof.runner` -> run.json -> Results

The engine never looks into a run while it goes, but for the progress lines it prints.
"""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import msgspec

from stallproof.blame import Blame
from stallproof.budget import Budget, BudgetSpentError
from stallproof.job import Job, store
from stallproof.model import Verdict
from stallproof.records import Finding, Results, RunRecord
from stallproof.request import Progress, record_of
from stallproof.results import summarize
from stallproof.sites.base import SiteError
from stallproof.sites.choice import bury
from stallproof.sites.namespaces import command_enclosed

OnProgress = Callable[[Job, Progress], None]
OnDone = Callable[[Job, RunRecord], None]

# Made here, by one thread: msgspec 0.22 learns a struct's fields at its first use, and two threads
# at once that use it first crash the process.
_PROGRESS = msgspec.json.Decoder(Progress)
_RECORD = msgspec.json.Decoder(RunRecord)


def run_all(
    jobs: Sequence[Job],
    *,
    root: Path,
    at_once: int,
    on_progress: OnProgress,
    on_done: OnDone,
    budget: Budget | None = None,
) -> Results:
    """Run all jobs, at most `at_once` at a time. `root/run.json` grows with each that ends.

    A run that has not ended when the budget is used up is ended then, and one that has not begun
    never begins: both are unknown.
    """
    lock = threading.Lock()

    def attempt(trial: Job) -> RunRecord:
        record = run_one(trial, root=root, on_progress=on_progress, budget=budget)
        if budget is not None and cut_short(record):
            raise BudgetSpentError(budget.why)
        return record

    blame = Blame(attempt, root)
    ended: dict[str, RunRecord] = {}

    def one(job: Job) -> None:
        record = run_one(job, root=root, on_progress=on_progress, budget=budget)
        if any(f.checker == "boot" and f.verdict is Verdict.INVALID for f in record.findings):
            with suppress(BudgetSpentError):  # that it never came up is known, and enough
                record = blame.explain(job, record)
        with lock:
            ended[job.dir] = record
            done = [ended[job.dir] for job in jobs if job.dir in ended]
            store(root / "run.json", summarize(done, run_dir=str(root)))
            on_done(job, record)

    with ThreadPoolExecutor(max_workers=at_once) as pool:
        # The longest first: none of them is left to run alone at the end.
        longest_first = sorted(jobs, key=lambda job: -job.likely_s)
        for future in [pool.submit(one, job) for job in longest_first]:
            future.result()
    return summarize([ended[job.dir] for job in jobs], run_dir=str(root))


def run_one(
    job: Job, *, root: Path, on_progress: OnProgress, budget: Budget | None = None
) -> RunRecord:
    """One run in its own process tree. A harness that fails gives a record that says so."""
    folder = root / job.dir
    (folder / "logs").mkdir(parents=True, exist_ok=True)
    if budget is not None and budget.spent:
        return _kept(_without_verdict(job, "budget", budget.why), job, folder)
    request = folder / "request.json"
    request.write_bytes(msgspec.json.encode(job.request))
    command = command_enclosed(
        [sys.executable, "-m", "stallproof.runner", str(request)],
        namespaces=job.request.namespaces,
    )
    with (folder / "logs" / "harness.log").open("w+b") as errors:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors)
        deadline_s = job.deadline_s if budget is None else min(job.deadline_s, budget.left_s)
        overdue = threading.Event()

        def end() -> None:
            overdue.set()
            process.kill()

        timer = threading.Timer(deadline_s, end)
        timer.start()
        try:
            assert process.stdout is not None
            for line in process.stdout:
                on_progress(job, _PROGRESS.decode(line))
            code = process.wait()
        finally:
            timer.cancel()
            process.kill()
            process.wait()
        errors.seek(0)
        said = errors.read().decode(errors="replace").strip().splitlines()
        if overdue.is_set():
            said.append(f"the runner had not ended after {deadline_s:.0f} s, and was killed")
    request.unlink()
    trouble = _buried(job) if code else []
    if code == 0:
        record = _RECORD.decode((folder / "run.json").read_bytes())
    elif budget is not None and budget.spent:
        record = _without_verdict(job, "budget", budget.why)
    else:
        reason = said[-1] if said else f"the runner ended with {code} and said nothing"
        record = _without_verdict(job, "harness", "; then ".join([reason, *trouble]))
    return _kept(record, job, folder)


def _buried(job: Job) -> list[str]:
    """See to what a runner left that did not end by itself; what went wrong with that."""
    try:
        bury(job.request.site, job.request.spec.run_dir)
    except SiteError as error:
        return [str(error)]
    return []


def cut_short(record: RunRecord) -> bool:
    """Whether the time budget ended the run, or kept it from beginning."""
    return any(finding.checker == "budget" for finding in record.findings)


def _without_verdict(job: Job, checker: str, why: str) -> RunRecord:
    finding = Finding(checker=checker, verdict=Verdict.UNKNOWN, text=why)
    return record_of(job.request, findings=(finding,))


def _kept(record: RunRecord, job: Job, folder: Path) -> RunRecord:
    record = msgspec.structs.replace(record, dir=job.dir)
    store(folder / "run.json", record)
    return record
