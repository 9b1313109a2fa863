"""Stored results to report on, written through the real Recorder and the real types.

Each function tells one story: `recovers`, `stalls`, `never_boots`, `not_judged`. `write`
puts runs into a folder as the engine does.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import msgspec
from tests.forensics.values import MUTE, POST

from stallproof.checkers import judge
from stallproof.checkers.facts import Facts
from stallproof.events import (
    AnyEvent,
    Bite,
    Broker,
    Connections,
    FaultPhase,
    Health,
    Held,
    InstancePhase,
    Log,
    MessagePhase,
    Op,
    Phase,
    Seizure,
    Task,
)
from stallproof.fate import Fate
from stallproof.faults import BrokerRestart, IdleReset, Latency
from stallproof.forensics.words import evidence
from stallproof.history import History, Recorder
from stallproof.messages import Holdings, Waiting
from stallproof.model import Expect, Scenario, Schedule, Verdict, Workload, at, worst
from stallproof.records import Finding, Results, RunRecord, ScenarioResult, Setting
from stallproof.results import wilson
from stallproof.sites.base import Route
from stallproof.tally import Spent
from stallproof.totals import tallies, wall_s

LOAD_T = 4.2
STEP_S = 0.5
EVIL = "<script>alert('log')</script> & <b>bold</b>"

RESTART = Scenario(
    name="broker-restart",
    title="The broker is killed and comes back four seconds later",
    on_cloud_run="Memorystore fails over or is patched: every connection drops, new ones are "
    "refused for a while.",
    guide_promises="The worker reconnects by itself and goes on.",
    must_hold="Every accepted story is done once; work flows again within 15 s; a worker that "
    "does not work does not say 200.",
    schedule=Schedule((at(3, BrokerRestart(how="killed"), for_s=4),)),
    workload=Workload(rate_per_s=2, for_s=12, task_s=0.4),
    expected={
        "guide-int-keys": Expect(
            verdict=Verdict.INVALID,
            checkers=("stalled", "health"),
            because="kombu 5.3.7 drops the consumer's callback after a refused reconnect, and the "
            "health thread answers 200 whatever happens.",
        )
    },
)
IDLE = Scenario(
    name="idle-reset-worker",
    title="The network resets the worker's idle connections",
    on_cloud_run="A connection without traffic for ten minutes is forgotten by the VPC.",
    guide_promises="Keepalive probes hold the connection open.",
    must_hold="Work flows again within 15 s and nothing is lost.",
    schedule=Schedule((at(2, IdleReset()), at(6, IdleReset()))),
    workload=Workload(rate_per_s=2, for_s=12, task_s=0.4),
)
SLOW = Scenario(
    name="slow-broker",
    title="The way to the broker is slow",
    on_cloud_run="A busy neighbour adds half a second to each packet.",
    guide_promises="Nothing is said about it.",
    must_hold="POST answers within 5 s.",
    schedule=Schedule((at(3, Latency(latency_ms=500, jitter_ms=50), for_s=5),)),
    route=Route.PROXIED,
)
SETTINGS = (
    Setting(
        key="broker_transport_options.socket_timeout",
        value="5",
        why="broker-restart",
        where="profiles.py:57",
    ),
    Setting(key="task_acks_late", value="True", where="profiles.py:31"),
    Setting(key="broker_url", value="redis://:hunter2@broker:6379/0"),
)


SPENT = Spent(boot_s=3.0, warmup_s=1.0, load_s=4.0, fault_s=4.0, recovery_s=2.0, settle_s=16.5)


class Story:
    """Collects events; times count from the start of the load."""

    def __init__(self, *, seed: int = 1) -> None:
        self.events: list[AnyEvent] = []
        self.undone: list[int] = []
        self.random = random.Random(seed)

    def add(self, *events: AnyEvent) -> None:
        self.events += events

    def boot(self) -> None:
        for service in ("api", "worker"):
            self.add(InstancePhase(t=0.1, service=service, phase="start", pid=11))
        self.add(Phase(t=0, name="boot"), Phase(t=2, name="warmup"), Phase(t=LOAD_T, name="load"))
        self.add(
            Op(t=2.1, f="submit", type="invoke", story=-1),
            Op(t=2.2, f="submit", type="ok", story=-1, story_id="w"),
            Task(t=2.4, event="start", story_id="w", attempt=1, pid=12),
            Task(t=2.8, event="end", story_id="w", attempt=1, outcome="ok", pid=12),
            Op(t=2.9, f="await", type="ok", story=-1, story_id="w"),
        )

    def submitted(self, number: int, at_s: float, *, latency_s: float = 0.02) -> None:
        t = LOAD_T + at_s
        self.add(
            Op(t=t, f="submit", type="invoke", story=number),
            Op(t=t + latency_s, f="submit", type="ok", story=number, story_id=f"s{number}"),
            MessagePhase(
                t=t + latency_s, phase="published", story_id=f"s{number}", task_id=f"t{number}"
            ),
        )
        self.undone.append(number)

    def worked(self, number: int, start_s: float, took_s: float = 0.4, *, attempt: int = 1) -> None:
        t = LOAD_T + start_s
        name = f"s{number}"
        if number in self.undone:
            self.undone.remove(number)
        self.add(
            Task(t=t, event="start", story_id=name, attempt=attempt, pid=12),
            Task(t=t + took_s, event="end", story_id=name, attempt=attempt, outcome="ok", pid=12),
        )

    def fault(self, step: int, name: str, begin_s: float, end_s: float | None = None) -> None:
        t = LOAD_T + begin_s
        self.add(FaultPhase(t=t, phase="begin", step=step, name=name, plane="broker", late_s=0.01))
        self.add(Bite(t=t + 0.1, step=step, name=name, bit=True, seen="9 of 9 connections gone"))
        self.add(Connections(t=t + 0.1, link="worker-broker", open=0, opened=0, closed=9))
        if end_s is not None:
            self.add(
                FaultPhase(t=LOAD_T + end_s, phase="end", step=step, name=name, plane="broker")
            )

    def sampled(
        self,
        until_s: float,
        *,
        queue: Callable[[float], int] = lambda _: 0,
        down: tuple[float, float] = (0.0, 0.0),
        worker: Callable[[float], int | None] = lambda _: 200,
        api: Callable[[float], int | None] = lambda _: 200,
        held: Sequence[int] = (),
    ) -> None:
        """Everything to the end, when the broker holds the messages of the stories `held`."""
        at_s = -LOAD_T + 1
        while at_s < until_s:
            t = LOAD_T + at_s
            up = not down[0] <= at_s < down[1]
            self.add(
                Broker(
                    t=t,
                    up=up,
                    queues={"celery": queue(at_s)} if up else {},
                    unacked=int(up and at_s < 2.5),
                ),
                Health(t=t, service="api", status=api(at_s), latency_s=0.002),
                Health(t=t, service="worker", status=worker(at_s), latency_s=0.002),
            )
            at_s += STEP_S
        waiting = tuple(Waiting(queue="celery", story_id=f"s{n}", task_id=f"t{n}") for n in held)
        self.add(
            Held(
                t=LOAD_T + until_s,
                when="end",
                holdings=Holdings(waiting=waiting),
                visibility_timeout_s=3600.0,
            )
        )
        self.add(Phase(t=LOAD_T + until_s, name="end"))


def recovers(*, seed: int = 1) -> list[AnyEvent]:
    """Killed at 3 s, back at 7 s, the first task starts a little later, the queue drains."""
    story = Story(seed=seed)
    story.boot()
    story.fault(0, "broker-restart", 3.0, 7.0)
    back = 7.0 + story.random.uniform(0.9, 2.6)
    free = 0.0
    for number, at_s in enumerate(RESTART.workload.arrivals_s()):
        story.submitted(number, at_s)
        start = max(at_s + 0.03, free)
        if start + 0.4 > 3.0 and start < back:
            start = back
        story.worked(number, start)
        free = start + 0.2
    lost = LOAD_T + 3.05
    story.add(
        Log(t=lost, service="worker", what="connection-lost", line=f"Connection lost: {EVIL}"),
        Log(t=lost + 5, service="worker", what="connected", line="Connected to redis://:***@b//"),
    )
    story.sampled(
        16.0,
        queue=lambda s: 8 if 7.0 <= s < back else 0,
        down=(3.0, 7.0),
        worker=lambda s: 503 if 5.0 <= s < back else 200,
    )
    return story.events


def stalls() -> list[AnyEvent]:
    """After the restart nothing is ever started again; the health port says 200 to the end."""
    story = Story()
    story.boot()
    story.fault(0, "broker-restart", 3.0, 7.0)
    for number, at_s in enumerate(RESTART.workload.arrivals_s()):
        if at_s == 4.5:
            t = LOAD_T + at_s
            story.add(
                Op(t=t, f="submit", type="invoke", story=number),
                Op(t=t + 0.1, f="submit", type="fail", story=number, error="503"),
            )
            continue
        story.submitted(number, at_s, latency_s=0.02 if at_s < 3 or at_s > 7 else 0.3)
        if at_s < 2.6:
            story.worked(number, at_s + 0.03)
    for number in (0, 1):
        story.worked(number, 1.9 + number / 2, attempt=2)
    story.sampled(
        57.0, queue=lambda s: min(int(max(s - 3, 0) * 2), 17), down=(3.0, 7.0), held=story.undone
    )
    return story.events


def never_boots() -> list[AnyEvent]:
    """The worker dies of a TypeError on its first connect, again and again."""
    story = Story()
    story.add(Phase(t=0, name="boot"), InstancePhase(t=0.1, service="api", phase="start", pid=11))
    for i in range(7):
        t = 0.1 + i * 5.5
        story.add(
            InstancePhase(t=t, service="worker", phase="start", pid=20 + i),
            InstancePhase(t=t + 2, service="worker", phase="exit", pid=20 + i, code=1),
            Log(
                t=t + 1.9,
                service="worker",
                what="error",
                line="TypeError: 'str' object cannot be interpreted as an integer",
            ),
        )
    for i in range(80):
        story.add(
            Health(t=0.5 + i / 2, service="worker", status=None, latency_s=0.9, error="ReadError"),
            Health(t=0.5 + i / 2, service="api", status=200, latency_s=0.002),
            Broker(t=0.5 + i / 2, up=True, queues={}),
        )
    return story.events


def shrugs_off(*, seed: int = 1) -> list[AnyEvent]:
    """Two resets, each answered with a reconnect; nothing else is to be seen."""
    story = Story(seed=seed)
    story.boot()
    story.fault(0, "idle-reset", 2.0)
    story.fault(1, "idle-reset", 6.0)
    for number, at_s in enumerate(IDLE.workload.arrivals_s()):
        story.submitted(number, at_s)
        story.worked(number, at_s + 0.03 + (0.8 if at_s in (2.0, 6.0) else 0))
    story.sampled(14.0 + story.random.random())
    return story.events


def not_judged() -> list[AnyEvent]:
    """A slow way that was not slow: the fault never bit."""
    story = Story()
    story.boot()
    t = LOAD_T + 3
    story.add(
        FaultPhase(t=t, phase="begin", step=0, name="latency", plane="toxiproxy", late_s=0.4),
        Bite(t=t + 0.1, step=0, name="latency", bit=False, seen="PING took 0.2 ms"),
        FaultPhase(t=t + 5, phase="end", step=0, name="latency", plane="toxiproxy"),
    )
    for number, at_s in enumerate(SLOW.workload.arrivals_s()):
        story.submitted(number, at_s)
        story.worked(number, at_s + 0.03)
    story.sampled(14.0)
    return story.events


def loses(*, stories: int = 24) -> list[AnyEvent]:
    """Two resets; after the second, three stories are gone, and one is done twice."""
    story = Story()
    story.boot()
    story.fault(0, "idle-reset", 2.0)
    story.fault(1, "idle-reset", 6.0)
    for number in range(stories):
        at_s = number * 12 / stories
        story.submitted(number, at_s)
        if not 6.0 <= at_s < 7.5:
            story.worked(number, at_s + 0.03)
        if number == 5:
            story.worked(number, at_s + 4, attempt=2)
    story.add(
        InstancePhase(t=LOAD_T + 6.4, service="worker", phase="liveness-kill", pid=12),
        InstancePhase(t=LOAD_T + 6.6, service="worker", phase="exit", pid=12, code=-9),
        InstancePhase(t=LOAD_T + 7.2, service="worker", phase="start", pid=13),
    )
    story.sampled(20.0, worker=lambda s: None if 6.0 <= s < 7.5 else 200)
    return story.events


def finding(checker: str, verdict: Verdict, text: str, **numbers: float | None) -> Finding:
    return Finding(checker=checker, verdict=verdict, text=text, numbers=numbers)


SEIZED = Seizure(
    t=LOAD_T + 17.5,
    why="stalled",
    took_s=0.4,
    files=("forensics/stalled/worker-stacks.txt",),
    waits=(MUTE, POST),
    queued=17,
    unacked=2,
    silent_s={"worker": 9.5},
    missing=(f"conntrack: {EVIL}",),
)
GOOD = (
    finding("boot", Verdict.VALID, "The first story was done 3.1 s after the start."),
    finding("lost", Verdict.VALID, "All 24 accepted stories done.", lost=0),
    finding("duplicated", Verdict.VALID, "0 of 24 executed stories done twice.", duplicated=0),
    finding("recovery", Verdict.VALID, "First task 1.20 s after.", first_start_s=1.2),
)
STALLED = (
    finding("lost", Verdict.VALID, "0 of 23 accepted stories lost; 17 wait.", lost=0, waiting=17),
    finding("duplicated", Verdict.INVALID, "2 of 6 stories done more than once.", duplicated=2),
    finding(
        "stalled",
        Verdict.INVALID,
        "Work waited and nothing was started for 50.00 s, from 7.00 s into the load until the "
        "watch ended (limit 10 s).",
        longest_s=50.0,
    ),
    finding(
        "recovery",
        Verdict.INVALID,
        "No task started after the fault.",
        first_start_s=None,
        step_0_first_start_s=None,
    ),
    finding("health", Verdict.INVALID, "The worker said 200 for 50.00 s of a stall (limit 40 s)."),
)
BOOTLESS = (
    finding(
        "boot",
        Verdict.INVALID,
        "The system never came up: worker exited 7 times with code 1, last error: TypeError: "
        "'str' object cannot be interpreted as an integer.",
    ),
    finding(
        "cause", Verdict.INVALID, "Without profiles.py:40: socket_keepalive_options it starts."
    ),
)
LOST = (
    finding("lost", Verdict.INVALID, f"3 of 24 accepted stories lost {EVIL}.", lost=3),
    finding("duplicated", Verdict.INVALID, "1 of 21 stories done more than once.", duplicated=1),
    finding("recovery", Verdict.VALID, "First start 1.6 s after.", first_start_s=1.6),
)
UNSEEN = (
    finding("lost", Verdict.VALID, "All 24 accepted stories done.", lost=0),
    finding("fault-bit", Verdict.UNKNOWN, "Step 1, latency, did not bite: PING took 0.2 ms."),
)


def record(
    scenario: Scenario,
    profile: str,
    findings: Sequence[Finding],
    *,
    stack: str = "locked",
    advice: Sequence[str] = (),
    fates: Sequence[Fate] = (),
    seized: Sequence[Seizure] = (),
    booted: bool = True,
) -> RunRecord:
    return RunRecord(
        scenario=scenario,
        profile=profile,
        stack=stack,
        site="local",
        stack_versions={"python": "3.11.2", "celery": "5.7.0", "kombu": "5.7.0", "redis": "8.1.0"},
        settings=SETTINGS,
        worker_args=("-c", "1", "--without-gossip"),
        started_at="2026-11-22T10:00:00Z",
        seconds=31.5,
        spent=SPENT,
        boot_s=3.1 if booted else None,
        load_t=LOAD_T if booted else 0.0,
        harness_cpu_s=0.8,
        verdict=worst(f.verdict for f in findings),
        findings=tuple(findings),
        fates=tuple(fates),
        advice=tuple(advice),
        evidence=evidence(seized, load_t=LOAD_T),
    )


Run = tuple[RunRecord, list[AnyEvent]]


def write_run(folder: Path, run: RunRecord, events: Iterable[AnyEvent]) -> None:
    (folder / "logs").mkdir(parents=True)
    recorder = Recorder(folder / "history.jsonl")
    for event in events:
        recorder.add(event)
    recorder.close()
    (folder / "run.json").write_bytes(msgspec.json.encode(run))


def write(root: Path, *groups: Sequence[Run]) -> Results:
    """Each group becomes one result of as many runs."""
    results: list[ScenarioResult] = []
    for group in groups:
        runs = []
        for i, (run, events) in enumerate(group, start=1):
            folder = f"{run.scenario.name}/{run.profile}/{len(results)}-{i}"
            stored = msgspec.structs.replace(run, dir=folder)
            write_run(root / folder, stored, events)
            runs.append(stored)
        verdicts = [run.verdict for run in runs]
        hardest = next(run for run in runs if run.verdict is worst(verdicts))
        valid = verdicts.count(Verdict.VALID)
        results.append(
            ScenarioResult(
                scenario=runs[0].scenario.name,
                profile=runs[0].profile,
                stack=runs[0].stack,
                site="local",
                n=len(runs),
                valid=valid,
                invalid=verdicts.count(Verdict.INVALID),
                unknown=verdicts.count(Verdict.UNKNOWN),
                interval=wilson(len(runs) - valid, len(runs)),
                findings=hardest.findings,
                runs=tuple(runs),
            )
        )
    every = [run for result in results for run in result.runs]
    whole = Results(
        run_dir=root.name, results=tuple(results), tallies=tallies(every), wall_s=wall_s(every)
    )
    (root / "run.json").write_bytes(msgspec.json.encode(whole))
    return whole


MINGLE = "Upgrade to kombu 5.4.0 or newer, or start the worker with --without-mingle."
OUTBOX = "Keep accepted work in the database until it is done, with a reconciler."


def everything(root: Path) -> Results:
    """All the stories in one result: two profiles that differ, one that never starts."""
    judged = judge(History(recovers()), RESTART)
    recovering = (record(RESTART, "hardened", judged), recovers())
    stalled = record(RESTART, "guide-int-keys", STALLED, advice=(MINGLE, OUTBOX), seized=(SEIZED,))
    stalling = (stalled, [*stalls(), SEIZED])
    bootless = (record(RESTART, "guide", BOOTLESS, booted=False), never_boots())
    gone = Facts(History(loses()), IDLE).fates
    losing = (record(IDLE, "guide-int-keys", LOST, advice=(OUTBOX,), fates=gone), loses())
    fine = [(record(IDLE, "hardened", GOOD), shrugs_off(seed=i)) for i in range(10)]
    unseen = (record(SLOW, "hardened", UNSEEN), not_judged())
    return write(
        root,
        [recovering],
        [stalling],
        [bootless],
        fine,
        [losing, *fine[:3]],
        [unseen],
    )
