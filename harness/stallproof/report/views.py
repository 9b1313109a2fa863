"""What the page says of a result and of each of its runs, from the stored run alone."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec
from markupsafe import Markup

from stallproof.events import Bite, FaultPhase, Log, Seizure
from stallproof.fate import Cause, Fate
from stallproof.forensics.words import HEAD, connection, surroundings
from stallproof.records import RunRecord, ScenarioResult
from stallproof.report import words
from stallproof.report.drawing import draw, shows_flow, thinning_note
from stallproof.report.frame import NARROW, WIDE
from stallproof.report.store import read_history, run_folder
from stallproof.report.stories import Outcome
from stallproof.report.timeline import Timeline, timeline

MOST_DRAWN = 12
"""Runs of one result that are drawn, the worst first; the table lists all."""
MOST_FATES = 100
"""Stories told of one by one; `run.json` has more."""
MOST_LOG_LINES = 40
LONGEST_LINE = 300

LATE_S = 0.1
"""A fault that came so much later than scheduled is said to be late."""

LEGEND: dict[Outcome, str] = {
    "done": "done",
    "twice": "done more than once",
    "waiting": "still waiting in the broker at the end",
    "lost": "lost: not done, and not in the broker either",
    "unfinished": "not done at the end: failed, in work, or nobody knows where",
    "refused": "POST refused",
    "unanswered": "POST without an answer",
}


class FaultView(msgspec.Struct, frozen=True, kw_only=True):
    number: int
    text: str
    when: str
    proof: str


class WaitView(msgspec.Struct, frozen=True, kw_only=True):
    who: str
    path: tuple[str, ...]
    """From where it waited outwards."""
    call: str
    on: tuple[str, ...]


class SeizureView(msgspec.Struct, frozen=True, kw_only=True):
    """The evidence that was taken at one moment."""

    when: str
    about: str
    waits: tuple[WaitView, ...]
    files: tuple[str, ...]
    missing: tuple[str, ...]


class RunView(msgspec.Struct, frozen=True, kw_only=True):
    """One run as the page shows it."""

    number: int
    record: RunRecord
    note: str | None
    drawings: tuple[Markup, ...]
    legend: tuple[tuple[str, str, int], ...]
    thinned: str | None
    restarts: str | None
    """In words, how often each service started and exited under load; None: it never did."""
    queue: bool
    flow: bool
    axis: str
    faults: tuple[FaultView, ...]
    fates: tuple[Fate, ...]
    fates_text: str
    """How many stories came to which end that were not done."""
    seizures: tuple[SeizureView, ...]
    log: tuple[str, ...]
    log_left_out: int


class ResultView(msgspec.Struct, frozen=True, kw_only=True):
    """A scenario under one configuration, with its runs, the worst first."""

    anchor: str
    result: ScenarioResult
    first: RunRecord | None
    runs: tuple[RunView, ...]
    not_drawn: int


def result_view(index: int, result: ScenarioResult, root: Path) -> ResultView:
    name = re.sub(r"[^a-z0-9]+", "-", f"{result.scenario}-{result.profile}".lower()).strip("-")
    numbered = sorted(
        enumerate(result.runs, start=1),
        key=lambda item: (words.GRAVITY.index(item[1].verdict), item[0]),
    )
    drawn = numbered[:MOST_DRAWN]
    return ResultView(
        anchor=f"r{index + 1}-{name}",
        result=result,
        first=numbered[0][1] if numbered else None,
        runs=tuple(run_view(number, run, run_folder(root, run)) for number, run in drawn),
        not_drawn=len(numbered) - len(drawn),
    )


def run_view(number: int, run: RunRecord, folder: Path) -> RunView:
    """Everything the page says of one run, from its folder."""
    stored = read_history(folder)
    time = timeline(stored.history, run)
    title = f"Timeline of {run.scenario.name} with {run.profile}, run {number}"
    lines = [
        f"{event.t - run.load_t:8.2f} s  {event.service}  {event.what}  {event.line}"[:LONGEST_LINE]
        for event in stored.history.of(Log)
    ]
    half = MOST_LOG_LINES // 2
    shown = lines if len(lines) <= MOST_LOG_LINES else lines[:half] + lines[-half:]
    return RunView(
        number=number,
        record=run,
        note=stored.note,
        drawings=tuple(draw(time, width=width, title=title) for width in (WIDE, NARROW))
        if stored.history.events
        else (),
        legend=tuple(
            (outcome, text, time.outcomes[outcome])
            for outcome, text in LEGEND.items()
            if time.outcomes[outcome]
        ),
        thinned=thinning_note(time),
        restarts=restarts(time),
        queue=bool(time.depths),
        flow=shows_flow(time),
        axis=(
            f"Seconds{' of system time' if run.speed > 1 else ''} since the load started; the boot "
            "before it is not drawn."
            if time.loaded
            else "Seconds since the boot began: the run never came to its load."
        ),
        faults=tuple(fault_views(run, stored.history.of(FaultPhase), stored.history.of(Bite))),
        fates=run.fates[:MOST_FATES],
        fates_text=fates_text(run.fates),
        seizures=tuple(seizure_view(run, one) for one in stored.history.of(Seizure)),
        log=tuple(shown),
        log_left_out=len(lines) - len(shown),
    )


def fates_text(fates: Iterable[Fate]) -> str:
    """`3 popped and never registered, 2 in the queue`."""
    counted = Counter(fate.cause for fate in fates)
    return words.joined([f"{counted[cause]} {cause}" for cause in Cause if counted[cause]])


def seizure_view(run: RunRecord, seizure: Seizure) -> SeizureView:
    """Every thread that was seen, whatever the sentences of the report leave out."""
    return SeizureView(
        when=f"{words.seconds(seizure.t - run.load_t)} into the load, {HEAD[seizure.why]}",
        about=words.sentence(surroundings(seizure)),
        waits=tuple(
            WaitView(
                who=f"{wait.service}, {wait.process} ({wait.pid}), {wait.thread}",
                path=(wait.at, *wait.under),
                call=wait.call or "ran, or moved on",
                on=tuple(connection(one) for one in wait.on),
            )
            for wait in seizure.waits
        ),
        files=seizure.files,
        missing=seizure.missing,
    )


def restarts(time: Timeline) -> str | None:
    """How often each service came and went in the time that is drawn; None: never."""
    said = []
    for service, changes in time.instances.items():
        seen = Counter(change.phase for change in changes if change.t >= time.begin)
        parts = [
            words.count(n, noun)
            for n, noun in (
                (seen["start"], "start"),
                (seen["sigterm"], "SIGTERM"),
                (seen["exit"], "exit"),
                (seen["liveness-kill"], "kill"),
            )
            if n
        ]
        if parts:
            said.append(f"{service}: {', '.join(parts)}")
    if not said:
        return None
    return f"started, told to end, exited, killed by the liveness probe: {'; '.join(said)}"


def fault_views(
    run: RunRecord, phases: Iterable[FaultPhase], bites: Iterable[Bite]
) -> Iterator[FaultView]:
    """Each step of the schedule: when it was due, when it came, and what proves that it bit."""
    begun = {phase.step: phase for phase in phases if phase.phase == "begin"}
    proven = {bite.step: bite for bite in bites}
    for i, step in enumerate(run.scenario.schedule.steps):
        when = f"{words.seconds(step.at_s)}"
        if step.for_s is not None:
            when += f" to {words.seconds(step.ends_s)}"
        if i not in begun:
            proof = "It never began."
        elif i not in proven:
            proof = "Nothing shows whether it bit."
        else:
            proof = f"{'It bit' if proven[i].bit else 'It did not bite'}: {proven[i].seen}"
        if i in begun and begun[i].late_s >= LATE_S:
            proof += f" (begun {words.seconds(begun[i].late_s)} late)"
        yield FaultView(number=i + 1, text=step.fault.describe(), when=when, proof=proof)
