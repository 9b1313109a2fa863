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
from pathlib import Path

import msgspec

from stallproof.blame import Blame
from stallproof.job import Job, store
from stallproof.model import (
    Finding,
    Results,
    RunRecord,
    Verdict,
)
from stallproof.request import Progress, record_of
from stallproof.results import summarize
from stallproof.sites.base import SiteError
from stallproof.sites.choice import bury
from stallproof.sites.namespaces import command_enclosed

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
    blame = Blame(lambda trial: run_one(trial, root=root, on_progress=on_progress), root)
    ended: dict[str, RunRecord] = {}

    def one(job: Job) -> None:
        record = run_one(job, root=root, on_progress=on_progress)
        if any(f.checker == "boot" and f.verdict is Verdict.INVALID for f in record.findings):
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


def run_one(job: Job, *, root: Path, on_progress: OnProgress) -> RunRecord:
    """One run in its own process tree. A harness that fails gives a record that says so."""
    folder = root / job.dir
    (folder / "logs").mkdir(parents=True, exist_ok=True)
    request = folder / "request.json"
    request.write_bytes(msgspec.json.encode(job.request))
    command = command_enclosed(
        [sys.executable, "-m", "stallproof.runner", str(request)],
        namespaces=job.request.namespaces,
    )
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
        try:
            bury(job.request.site, job.request.spec.run_dir)
        except SiteError as error:
            reason = f"{reason}; then {error}"
        record = _failed(job, reason)
    record = msgspec.structs.replace(record, dir=job.dir)
    store(folder / "run.json", record)
    return record


def _failed(job: Job, reason: str) -> RunRecord:
    finding = Finding(checker="harness", verdict=Verdict.UNKNOWN, text=reason)
    return record_of(job.request, findings=(finding,))
