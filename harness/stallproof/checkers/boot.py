"""`boot`: did the system come up at all."""

from __future__ import annotations

from collections import Counter

from stallproof.checkers.facts import SERVICES, Facts
from stallproof.checkers.wording import count, seconds
from stallproof.events import InstancePhase, Log, Op, Starved
from stallproof.model import Verdict
from stallproof.records import Finding

STARVED_S = 20.0
"""Real seconds. A boot with one processor to itself takes two or three."""


def boot(facts: Facts) -> Finding:
    """The system came up: a warm-up story (negative number) was seen done.

    Reads Op, InstancePhase, Log, Starved. Valid: an `await ok` of a warm-up story. Invalid: none,
    though the watch ended or a service exited. Unknown: none, and the history was cut short
    before anything could be said, or no service exited and all processors of the machine were
    taken for `STARVED_S` or more. O(n).

    Numbers:
        boot_s: from the first process started to the warm-up story seen done; None: never.
        api_exits, worker_exits: how often the service's process ended before that (or at all).
        api_starts, worker_starts: how often it was started before that (or at all).
        starved_s: real seconds in which no processor was free; where it never came up.
    """
    ready = [op.t for op in facts.of(Op) if op.story < 0 and op.f == "await" and op.type == "ok"]
    up_t = ready[0] if ready else None
    phases = [p for p in facts.of(InstancePhase) if up_t is None or p.t <= up_t]
    exits = {s: [p for p in phases if p.service == s and p.phase == "exit"] for s in SERVICES}
    begun = [phase.t for phase in phases if phase.phase == "start"]
    boot_s = None if up_t is None else up_t - min(begun, default=facts.events[0].t)
    starved_s = sum(event.for_s for event in facts.of(Starved))
    numbers: dict[str, float | None] = {
        "boot_s": boot_s,
        "starved_s": starved_s,
        **{f"{service}_exits": len(exits[service]) for service in SERVICES},
        **{
            f"{service}_starts": sum(p.service == service and p.phase == "start" for p in phases)
            for service in SERVICES
        },
    }
    if boot_s is not None:
        text = f"the first story was done {seconds(boot_s)} after the first process was started."
        return Finding(checker="boot", verdict=Verdict.VALID, text=text, numbers=numbers)
    if not facts.ended and not any(exits.values()):
        return Finding(
            checker="boot",
            verdict=Verdict.UNKNOWN,
            text="the history was cut short before the system came up or a service exited.",
            numbers=numbers,
        )
    if starved_s >= STARVED_S and not any(exits.values()):
        return Finding(
            checker="boot",
            verdict=Verdict.UNKNOWN,
            text=(
                f"the system was not seen to come up, and for {seconds(starved_s)} of that this "
                "machine had no processor free: fewer jobs at once may do."
            ),
            numbers=numbers,
        )
    said = "; ".join(f"the {service} {_exits(exits[service])}" for service in SERVICES)
    return Finding(
        checker="boot",
        verdict=Verdict.INVALID,
        text=f"the system never came up: {said}; {_last_error(facts)}.",
        numbers=numbers,
    )


def _exits(exits: list[InstancePhase]) -> str:
    if not exits:
        return "did not exit"
    codes = Counter(_code(phase.code) for phase in exits)
    return f"exited {count(len(exits), 'time')} ({', '.join(sorted(codes))})"


def _code(code: int | None) -> str:
    if code is None:
        return "code not seen"
    return f"signal {-code}" if code < 0 else f"code {code}"


def _last_error(facts: Facts) -> str:
    errors = [log for log in facts.of(Log) if log.what == "error"]
    if not errors:
        return "no error was logged"
    return f"last error of the {errors[-1].service}: {errors[-1].line}"
