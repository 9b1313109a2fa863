"""`fault-bit`: did what was to be done to the system really happen to it."""

from __future__ import annotations

from stallproof.checkers.facts import Facts, FaultWindow
from stallproof.checkers.wording import count
from stallproof.events import Bite, Connections, Log
from stallproof.faults import Fault
from stallproof.model import Verdict
from stallproof.records import Finding


def fault_bit(facts: Facts) -> Finding:
    """Every step of the schedule was done, the wire showed it, and the system felt it.

    Reads FaultPhase, Bite, Connections, Log. Each step must have begun and have a Bite that
    says `bit`. Of a step that cuts connections the system must have felt something since it was
    due: a connection closed or opened on one of its links, or a connection-lost line in a log.
    Steps that only slow or silence close nothing, and the Bite suffices, if it counts a
    connection of the system where it counts those it hit (`flows`); so it does where the
    system never held a connection on the links that were cut, while it held some on others: what
    it does not use it cannot miss. Valid: all of this holds, or no fault was scheduled.
    Unknown: something does not; the text says of which step, and what. Never invalid: that a
    fault failed to bite says nothing of the system. O(faults x n).

    Numbers:
        steps, begun, bit: of the schedule; that began; that were proven on the wire.
        closed, opened: connections on all links, from the first fault on.
        connection_lost: log lines, from the first fault on.
    """
    steps = facts.scenario.schedule.steps
    if not steps:
        return Finding(checker="fault-bit", verdict=Verdict.VALID, text="no fault was scheduled.")
    windows = {fault.step: fault for fault in facts.faults}
    bites: dict[int, list[Bite]] = {}
    for bite in facts.of(Bite):
        bites.setdefault(bite.step, []).append(bite)
    missing = [
        f"step {index} ({step.fault.name}) {why}"
        for index, step in enumerate(steps)
        if (why := _what_is_missing(facts, step.fault, windows.get(index), bites.get(index, [])))
    ]
    first_t = min((window.due_t for window in windows.values()), default=facts.end_t)
    felt = [e for e in facts.of(Connections) if e.t >= first_t]
    numbers: dict[str, float | None] = {
        "steps": len(steps),
        "begun": sum(index in windows for index in range(len(steps))),
        "bit": sum(any(b.bit for b in bites.get(index, [])) for index in range(len(steps))),
        "closed": sum(event.closed for event in felt),
        "opened": sum(event.opened for event in felt),
        "connection_lost": _lost_lines(facts, first_t),
    }
    if missing:
        return Finding(
            checker="fault-bit",
            verdict=Verdict.UNKNOWN,
            text=f"{'; '.join(missing)}.",
            numbers=numbers,
        )
    # One proof in words will do for a person; the others are in the history.
    seen = next(bite.seen for bite in bites[0] if bite.bit)
    unused = any(
        (step.fault.cuts or any("flows" in bite.numbers for bite in bites[index]))
        and _unused(facts, step.fault)
        for index, step in enumerate(steps)
    )
    text = (
        f"{count(len(steps), 'step')} bit ({seen}); {numbers['closed']} connections closed, "
        f"{numbers['opened']} opened, {numbers['connection_lost']} connection-lost lines logged"
        + ("; the system holds no connection on the links that were cut" if unused else "")
    )
    return Finding(checker="fault-bit", verdict=Verdict.VALID, text=f"{text}.", numbers=numbers)


def _what_is_missing(
    facts: Facts, fault: Fault, window: FaultWindow | None, bites: list[Bite]
) -> str:
    """Why the step cannot be counted on, or nothing."""
    if window is None:
        return "never began"
    if not bites:
        return "was not proven on the wire"
    if not any(bite.bit for bite in bites):
        return f"did not bite: {bites[-1].seen}"
    return "" if _unused(facts, fault) else _why_not_felt(facts, fault, window, bites)


def _why_not_felt(facts: Facts, fault: Fault, window: FaultWindow, bites: list[Bite]) -> str:
    if any(bite.numbers.get("flows") == 0 for bite in bites):
        return "hit no connection of the system"
    if fault.cuts and not _felt(facts, fault, window):
        return "was felt by no one: no connection closed or opened, no connection-lost line"
    return ""


def _unused(facts: Facts, fault: Fault) -> bool:
    """The system never had a connection on the fault's links, though it had some elsewhere."""
    links = getattr(fault, "links", None)
    used = {event.link for event in facts.of(Connections) if event.open}
    return links is not None and bool(used) and used.isdisjoint(links)


def _felt(facts: Facts, fault: Fault, window: FaultWindow) -> bool:
    links = getattr(fault, "links", None)
    return _lost_lines(facts, window.due_t) > 0 or any(
        event.closed or event.opened
        for event in facts.of(Connections)
        if event.t >= window.due_t and (links is None or event.link in links)
    )


def _lost_lines(facts: Facts, from_t: float) -> int:
    return sum(log.what == "connection-lost" and log.t >= from_t for log in facts.of(Log))
