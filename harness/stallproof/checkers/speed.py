"""`speed`: may system time be faster than real time here."""

from __future__ import annotations

from stallproof.checkers.facts import Facts
from stallproof.events import KernelTimer
from stallproof.model import Verdict
from stallproof.records import Finding

COUNTS_S = ("TCP_KEEPIDLE",)
COUNTS_MS = ("TCP_USER_TIMEOUT",)


def speed(facts: Facts) -> Finding | None:
    """No timer of the kernel could have decided what was seen.

    Reads ClockSet, KernelTimer. Only where system time is faster than real time; None otherwise.
    Timers of the kernel do not follow: keepalive after 60 s comes after 3600 s of system time at
    60 times speed. Valid: no step of the schedule is a fault during which nobody answers
    (`Fault.kernel_timers`), or no service armed such a timer. Unknown: both; the text names
    them. Never invalid. O(n).

    Numbers:
        speed: seconds of system time in a real one.
        kernel_timers: how many different ones were armed: options with their values.
    """
    if facts.speed == 1:
        return None
    armed: dict[tuple[str, int], set[str]] = {}
    for timer in facts.of(KernelTimer):
        armed.setdefault((timer.option, timer.value), set()).add(timer.service)
    silent = [s.fault.name for s in facts.scenario.schedule.steps if s.fault.kernel_timers]
    numbers: dict[str, float | None] = {"speed": facts.speed, "kernel_timers": len(armed)}
    at = f"{facts.speed:g} times speed"
    if silent and armed:
        # Where keepalive is set to a time, that is what a reader looks for.
        timed = [option for option in armed if option[0] in (*COUNTS_S, *COUNTS_MS)] or [*armed]
        told = "; ".join(
            f"{_in_words(*option)} set by {', '.join(sorted(armed[option]))}" for option in timed
        )
        return Finding(
            checker="speed",
            verdict=Verdict.UNKNOWN,
            text=f"{told}: timers of the kernel, which do not follow {at} and may decide what "
            f"{silent[0]} does; run it with --speed 1.",
            numbers=numbers,
        )
    text = f"{at}; no fault is one during which a timer of the kernel could decide"
    if silent:
        text = f"{at}; no service armed a timer of the kernel"
    return Finding(checker="speed", verdict=Verdict.VALID, text=f"{text}.", numbers=numbers)


def _in_words(option: str, value: int) -> str:
    if option in COUNTS_S:
        return f"{option} {value} s"
    return f"{option} {value} ms" if option in COUNTS_MS else f"{option} {value}"
