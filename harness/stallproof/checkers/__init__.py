"""The checkers: a history and its scenario in, findings out. Pure: nothing else is read.

    for finding in judge(history, scenario):
        print(finding.checker, finding.verdict, finding.text)

Each checker is one function of `Facts`; its docstring is its contract.
"""

from __future__ import annotations

import msgspec

from stallproof.checkers.accept import accept
from stallproof.checkers.boot import boot
from stallproof.checkers.duplicated import duplicated
from stallproof.checkers.facts import Facts
from stallproof.checkers.fault_bit import fault_bit
from stallproof.checkers.health import health
from stallproof.checkers.observed import observed
from stallproof.checkers.recovery import recovery
from stallproof.checkers.speed import speed
from stallproof.checkers.stalled import stalled
from stallproof.checkers.whereabouts import lost, unfinished
from stallproof.history import History
from stallproof.model import Scenario, Verdict
from stallproof.records import Finding

__all__ = ["FATES_AT_MOST", "judge", "judge_facts", "withheld"]

FATES_AT_MOST = 500
"""Stories whose fate is stored with a run, one by one; `unfinished` counts all of them by cause."""

COUNTED = (lost, unfinished, duplicated)
TIMED = (stalled, recovery, accept, health)
"""An overloaded machine makes these look worse than the system is."""


def judge(history: History, scenario: Scenario) -> tuple[Finding, ...]:
    """Every checker's finding, in the order a reader wants them. O(n log n).

    A system that did not come up gets only `boot`, one whose time may not be compressed also
    `speed`, which is there only where it was. Where the harness did not keep up
    (`observed` is unknown), what depends on time is at best unknown: an overloaded machine
    gives no verdict. Never raises on a well-formed history.
    """
    return judge_facts(Facts(history, scenario))


def judge_facts(facts: Facts) -> tuple[Finding, ...]:
    """`judge`, for who has more to ask of the facts: what was derived is not derived again."""
    booted = boot(facts)
    if booted.verdict is not Verdict.VALID:
        return (booted,)
    compressed = speed(facts)
    if compressed is not None and compressed.verdict is not Verdict.VALID:
        return (booted, compressed)
    watched = observed(facts)
    counted = [check(facts) for check in COUNTED]
    timed = [check(facts) for check in TIMED]
    if watched.verdict is not Verdict.VALID:
        timed = [withheld(finding) for finding in timed]
    paced = () if compressed is None else (compressed,)
    return (booted, *counted, *timed, fault_bit(facts), watched, *paced)


def withheld(finding: Finding) -> Finding:
    """What depends on time, where the harness did not keep up: at best unknown."""
    if finding.verdict is not Verdict.INVALID:
        return finding
    text = f"{finding.text.removesuffix('.')}; no verdict, because the harness did not keep up."
    return msgspec.structs.replace(finding, verdict=Verdict.UNKNOWN, text=text)
