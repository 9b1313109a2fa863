"""The system never came up: find by experiment the settings without which it does."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from stallproof.diagnose import all_causes
from stallproof.events import InstancePhase, Log
from stallproof.history import History
from stallproof.job import Job, store
from stallproof.model import Schedule, Verdict, Workload
from stallproof.records import Finding, RunRecord, Setting

TRIAL_BOOT_DEADLINE_S = 15.0
"""Long enough for a worker to start on a busy machine."""


class _UndecidedError(Exception):
    """A trial's worker neither said that it was ready nor exited."""


class Blame:
    """Asks once per profile, stack and overrides, however many runs ended the same way."""

    def __init__(self, run_one: Callable[[Job], RunRecord], root: Path) -> None:
        self._run_one = run_one
        self._root = root
        self._lock = threading.Lock()
        self._known: dict[tuple[str, ...], Finding] = {}

    def explain(self, job: Job, record: RunRecord) -> RunRecord:
        """The record with a finding `cause` that names the settings, stored as well."""
        key = (record.profile, record.stack, *record.asked)
        with self._lock:
            if key not in self._known:
                self._known[key] = self._ask(job)
        findings = (*record.findings, self._known[key])
        if self._known[key].verdict is Verdict.INVALID:
            advice = (
                f"Mend or leave out what keeps the worker from starting: {self._known[key].text}"
            )
            record = msgspec.structs.replace(record, advice=(advice,))
        record = msgspec.structs.replace(record, findings=findings)
        store(self._root / job.dir / "run.json", record)
        return record

    def _ask(self, job: Job) -> Finding:
        trials = 0

        def starts(without: frozenset[str]) -> bool:
            nonlocal trials
            trials += 1
            trial = _trial(job, without, number=trials, root=self._root)
            self._run_one(trial)
            return _worker_started(self._root / trial.dir / "history.jsonl")

        groups = _whole_settings(job.request.settings)
        try:
            causes = [[groups[key] for key in cause] for cause in all_causes(list(groups), starts)]
        except _UndecidedError:
            text = (
                f"Boot {trials} of the search told nothing: within {TRIAL_BOOT_DEADLINE_S:g} s the "
                "worker neither was ready nor exited. On a machine that is less busy it may."
            )
            return Finding(
                checker="cause", verdict=Verdict.UNKNOWN, text=text, numbers={"boots": trials}
            )
        # The longer key first: `x_options` is what is wrong, `x` only lets it be read.
        causes.sort(key=lambda cause: -len(cause[0].key))
        text = _say(causes, trials)
        return Finding(
            checker="cause", verdict=Verdict.INVALID, text=text, numbers={"boots": trials}
        )


def _whole_settings(settings: Sequence[Setting]) -> dict[str, Setting]:
    """The settings by key, those inside an option (`transport_options.some_dict.KEY`) as one."""
    groups: dict[str, Setting] = {}
    for setting in settings:
        *path, leaf = setting.key.split(".")
        if len(path) < 2:
            groups[setting.key] = setting
            continue
        key = ".".join(path)
        former = groups.get(key)
        inside = f"{former.value.removesuffix('}')}, " if former else "{"
        value = f"{inside}{leaf}: {setting.value}}}"
        groups[key] = Setting(key=key, value=value, where=former.where if former else setting.where)
    return groups


def _trial(job: Job, without: frozenset[str], *, number: int, root: Path) -> Job:
    """The same system without some settings, only booted."""
    folder = f"{job.dir}/cause/{number}"
    spec = job.request.spec
    unset = ",".join(filter(None, [spec.env.get("STORYMIMI_UNSET"), *sorted(without)]))
    spec = msgspec.structs.replace(
        spec, env={**spec.env, "STORYMIMI_UNSET": unset}, run_dir=str(root / folder)
    )
    scenario = msgspec.structs.replace(
        job.request.scenario, schedule=Schedule(), workload=Workload(rate_per_s=1, for_s=1)
    )
    request = msgspec.structs.replace(
        job.request,
        scenario=scenario,
        spec=spec,
        boot_deadline_s=TRIAL_BOOT_DEADLINE_S,
        exits_allowed=0,
        only_start=True,
        speed=1.0,
    )
    return Job(request=request, dir=folder)


def _worker_started(path: Path) -> bool:
    """It said that it is ready and never exited. Whether it executes a story is not asked:
    without its queue settings a worker that starts may consume from other queues.

    Raises:
        _UndecidedError: it did neither.
    """
    history = History.read(path)
    if any(e.service == "worker" and e.phase == "exit" for e in history.of(InstancePhase)):
        return False
    if any(line.service == "worker" and line.what == "ready" for line in history.of(Log)):
        return True
    raise _UndecidedError


def _say(causes: list[list[Setting]], trials: int) -> str:
    if not causes:
        return (
            "No setting of the profile decides it: the worker does not start without them "
            f"either ({trials} boots)."
        )
    lines = [
        " and ".join(f"{s.where or 'profile'}: {s.key} = {s.value}" for s in cause)
        for cause in causes
    ]
    others = f" So it does without {'; or without '.join(lines[1:])}." if lines[1:] else ""
    return f"The worker starts without {lines[0]}, and never with it ({trials} boots).{others}"
