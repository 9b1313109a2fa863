"""Runs many scenarios side by side: each in a process tree of its own, judged in there.

    request -> enclosed `stallproof.runner` -> run.json -> Results

The engine never looks into a run while it goes, but for the progress lines it prints.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import msgspec

from stallproof.blame import Blame
from stallproof.boots import Boots
from stallproof.budget import Budget, BudgetSpentError
from stallproof.forked import ForkServer, ServerClosedError
from stallproof.job import Job, store
from stallproof.model import Verdict
from stallproof.records import Finding, Results, RunRecord
from stallproof.request import Progress, record_of
from stallproof.results import summarize
from stallproof.sites.base import SiteError
from stallproof.sites.choice import bury, modules_of

OnProgress = Callable[[Job, Progress], None]
OnDone = Callable[[Job, RunRecord], None]

RUNNER = "stallproof.runner"

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
    never begins: both are unknown. Interrupted, it ends all runs under way, without a record.
    """
    lock = threading.Lock()
    server = ForkServer(RUNNER, *sorted({m for job in jobs for m in modules_of(job.request.site)}))
    runs = Runs(server, root=root, on_progress=on_progress, budget=budget)

    def attempt(trial: Job) -> RunRecord:
        record = runs.one(trial)
        if budget is not None and cut_short(record):
            raise BudgetSpentError(budget.why)
        return record

    blame = Blame(attempt, root)
    ended: dict[str, RunRecord] = {}

    def one(job: Job) -> None:
        record = runs.one(job)
        if any(f.checker == "boot" and f.verdict is Verdict.INVALID for f in record.findings):
            with suppress(BudgetSpentError):  # that it never came up is known, and enough
                record = blame.explain(job, record)
        with lock:
            ended[job.dir] = record
            done = [ended[job.dir] for job in jobs if job.dir in ended]
            store(root / "run.json", summarize(done, run_dir=str(root)))
            on_done(job, record)

    with ThreadPoolExecutor(max_workers=at_once) as pool, server:
        # The longest first: none of them is left to run alone at the end.
        longest_first = sorted(jobs, key=lambda job: -job.likely_s)
        try:
            for future in [pool.submit(one, job) for job in longest_first]:
                future.result()
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return summarize([ended[job.dir] for job in jobs], run_dir=str(root))


class Runs:
    """Starts runs, from any thread, and sees them through."""

    def __init__(
        self,
        server: ForkServer,
        *,
        root: Path,
        on_progress: OnProgress,
        budget: Budget | None = None,
    ) -> None:
        self._server = server
        self._root = root
        self._on_progress = on_progress
        self._budget = budget
        self._boots = Boots()

    def one(self, job: Job) -> RunRecord:
        """One run in its own process tree. A harness that fails gives a record that says so.

        Raises:
            ServerClosedError: all runs are being ended.
        """
        folder = self._root / job.dir
        (folder / "logs").mkdir(parents=True, exist_ok=True)
        with self._boots.place() as booted:
            return _kept(self._seen_through(job, folder, booted), job, folder)

    def _seen_through(self, job: Job, folder: Path, booted: Callable[[], None]) -> RunRecord:
        budget = self._budget
        if budget is not None and budget.spent:
            return _without_verdict(job, "budget", budget.why)
        request = folder / "request.json"
        request.write_bytes(msgspec.json.encode(job.request))
        deadline_s = job.deadline_s if budget is None else min(job.deadline_s, budget.left_s)
        try:
            with (folder / "logs" / "harness.log").open("w+b") as errors:
                overdue, code = self._wait(job, str(request), errors.fileno(), deadline_s, booted)
                errors.seek(0)
                said = errors.read().decode(errors="replace").strip().splitlines()
        finally:
            request.unlink()
        trouble = [] if code == 0 else _buried(job)
        if code is None and self._server.closed:
            raise ServerClosedError
        if code == 0:
            return _RECORD.decode((folder / "run.json").read_bytes())
        if budget is not None and budget.spent:
            return _without_verdict(job, "budget", budget.why)
        if overdue:
            said.append(f"the runner had not ended after {deadline_s:.0f} s, and was killed")
        reason = said[-1] if said else f"the runner {_ended_with(code)} and said nothing"
        return _without_verdict(job, "harness", "; then ".join([reason, *trouble]))

    def _wait(
        self, job: Job, request: str, errors: int, deadline_s: float, booted: Callable[[], None]
    ) -> tuple[bool, int | None]:
        """Whether it was killed for being late, and its exit status."""
        overdue = threading.Event()
        with self._server.start(
            request, namespaces=job.request.namespaces, errors=errors
        ) as runner:

            def end() -> None:
                overdue.set()
                runner.kill()

            timer = threading.Timer(deadline_s, end)
            timer.start()
            try:
                for line in runner.output:
                    progress = _PROGRESS.decode(line)
                    if progress.phase != "boot":
                        booted()
                    self._on_progress(job, progress)
                return overdue.is_set(), runner.wait()
            finally:
                timer.cancel()


def _ended_with(code: int | None) -> str:
    return "ended with its fork server" if code is None else f"ended with {code}"


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
