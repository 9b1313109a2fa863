"""The words that all reports share, so that the terminal, the page and CI say the same."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Sequence

import msgspec

from stallproof.expectations import as_on_record, expected_of
from stallproof.model import Verdict
from stallproof.records import Finding, Results, RunRecord, ScenarioResult

Configuration = tuple[str, str, str]
"""Profile, stack and site: what a scenario is run against."""

HOLDS = {Verdict.VALID: "holds", Verdict.UNKNOWN: "not judged", Verdict.INVALID: "does not hold"}
SIGN = {Verdict.VALID: "✓", Verdict.UNKNOWN: "?", Verdict.INVALID: "✗"}
NONE = "-"
GRAVITY = (Verdict.INVALID, Verdict.UNKNOWN, Verdict.VALID)

_PASSWORD = re.compile(r"(://[^\s/:@\"'<>]*:)[^\s/@\"'<>]+@")


def redact(text: str) -> str:
    """Without the password of any URL in it: the last gate before a report is written."""
    return _PASSWORD.sub(r"\1***@", text)


def sentence(text: str) -> str:
    """With a capital at its start, where it stands alone; the name of a setting keeps its own."""
    return text if "_" in text.partition(" ")[0] else text[:1].upper() + text[1:]


def seconds(value: float | None) -> str:
    """`0.24 s`, `3.2 s`, `101 s`, `61 min`: as exact as a reader needs."""
    if value is None:
        return NONE
    if value >= 600:
        return f"{value / 60:.0f} min"
    if value >= 100:
        return f"{value:.0f} s"
    return f"{value:.1f} s" if value >= 1 or value == 0 else f"{value:.2f} s"


def percent(share: float) -> str:
    return f"{share * 100:.0f} %"


def count(n: int, noun: str) -> str:
    """`1 run`, `3 runs`, `2 stories`."""
    if n == 1:
        return f"1 {noun}"
    return f"{n} {noun[:-1]}ies" if noun.endswith("y") else f"{n} {noun}s"


def joined(parts: Sequence[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    if len(parts) < 2:
        return "".join(parts)
    return f"{', '.join(parts[:-1])} and {parts[-1]}"


def by_gravity(findings: Iterable[Finding]) -> list[Finding]:
    """Invalid first, then unknown, then valid; within each as the checkers ordered them."""
    return sorted(findings, key=lambda finding: GRAVITY.index(finding.verdict))


def not_valid(findings: Iterable[Finding]) -> list[Finding]:
    return [finding for finding in by_gravity(findings) if finding.verdict is not Verdict.VALID]


def by_configuration(results: Results) -> dict[Configuration, list[ScenarioResult]]:
    """The results of each profile, stack and site, in the order they first appear."""
    found: dict[Configuration, list[ScenarioResult]] = {}
    for result in results.results:
        found.setdefault((result.profile, result.stack, result.site), []).append(result)
    return found


def k_of_n(result: ScenarioResult) -> str:
    """How many of the runs were valid."""
    return f"{result.valid} of {result.n}"


def interval_text(result: ScenarioResult) -> str:
    """The interval of the share of runs that were not valid, in words."""
    it = result.interval
    return f"{it.low * 100:.0f} to {percent(it.high)} ({percent(it.confidence)} interval)"


def number(runs: Sequence[RunRecord], checker: str, key: str) -> float | None:
    """The largest value of a checker's number over the runs; None where no run has it."""
    values = [
        value
        for run in runs
        for finding in run.findings
        if finding.checker == checker and (value := finding.numbers.get(key)) is not None
    ]
    return max(values, default=None)


def recovery(runs: Sequence[RunRecord]) -> str:
    """The slowest first start after a fault; `never` where one never came."""
    never = any(
        finding.verdict is Verdict.INVALID and finding.numbers.get("first_start_s", 0) is None
        for run in runs
        for finding in run.findings
        if finding.checker == "recovery"
    )
    return "never" if never else seconds(number(runs, "recovery", "first_start_s"))


def figures(*runs: RunRecord) -> tuple[str, str, str]:
    """The slowest recovery, the most lost and the most done twice of these runs."""
    return (
        recovery(runs),
        whole(number(runs, "lost", "lost")),
        whole(number(runs, "duplicated", "duplicated")),
    )


def at_speed(run: RunRecord | None) -> str:
    """`at 60 times speed`; nothing for a run in real time."""
    return "" if run is None or run.speed == 1 else f"at {run.speed:g} times speed"


def pace(result: ScenarioResult) -> str:
    """The same for a result, all of whose runs go at one speed."""
    return at_speed(result.runs[0] if result.runs else None)


def paced(text: str, result: ScenarioResult) -> str:
    """A verdict with the speed at which it was come to."""
    return f"{text}, {pace(result)}" if pace(result) else text


def whole(value: float | None) -> str:
    return NONE if value is None else f"{value:.0f}"


def expectation(run: RunRecord) -> tuple[str, bool]:
    """What the scenario expects of this profile, in words, and whether this run met it."""
    expect = expected_of(run)
    if expect.verdict is Verdict.VALID:
        return "to hold", as_on_record(run)
    by = f" by {joined(expect.checkers)}" if expect.checkers else ""
    rate = " in some runs" if expect.sometimes else ""
    return f"{expect.verdict}{by}{rate}", as_on_record(run)


def expectation_text(result: ScenarioResult) -> str:
    """The same over all runs of a result."""
    outcomes = [expectation(run) for run in result.runs]
    if not outcomes:
        return "There is no run to hold against what was expected."
    what, met = outcomes[0][0], sum(met for _, met in outcomes)
    if len(outcomes) == 1:
        return f"Expected {what}: {'met' if met else 'not met'}."
    return f"Expected {what}: met in {met} of {count(len(outcomes), 'run')}."


def evidence(result: ScenarioResult) -> tuple[str, ...]:
    """Where the services waited when they stalled: of the worst run that can tell."""
    runs = sorted(result.runs, key=lambda run: GRAVITY.index(run.verdict))
    told = next((run.evidence for run in runs if run.evidence), ())
    return tuple(sentence(text) for text in told)


def advice(results: Results) -> dict[str, list[ScenarioResult]]:
    """Each distinct advice of the runs that were not valid, with the results that gave it.

    The most often given comes first.
    """
    found: dict[str, list[ScenarioResult]] = {}
    for result in results.results:
        said = {
            text: None
            for run in result.runs
            if run.verdict is not Verdict.VALID
            for text in run.advice
        }
        for text in said:
            found.setdefault(text, []).append(result)
    return dict(sorted(found.items(), key=lambda item: -len(item[1])))


def repeat_command(result: ScenarioResult) -> str:
    """What to type to run the same again, as often."""
    if result.runs and result.runs[0].command:
        return shlex.join(result.runs[0].command)
    command = ["stallproof", "run", result.scenario, "--profile", result.profile]
    command += ["--stack", result.stack, "--site", result.site]
    command += result.runs[0].asked if result.runs else ()
    if result.n > 1:
        command += ["--repeat", str(result.n)]
    return shlex.join(command)


def schedule_json(run: RunRecord) -> str:
    """The schedule as JSON, two spaces deep."""
    return msgspec.json.format(run.scenario.schedule.to_json(), indent=2)
