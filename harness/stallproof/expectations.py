"""Whether a run shows what its scenario has on record for the profile."""

from __future__ import annotations

from stallproof.model import Expect, Verdict
from stallproof.records import RunRecord

HOLDS = Expect(verdict=Verdict.VALID, checkers=(), because="nothing is on record against it")


class UnexpectedError(AssertionError):
    """The outcome differs from what is on record, in words."""


def expected_of(record: RunRecord) -> Expect:
    """What is on record; a profile that is not named must hold."""
    return record.scenario.expected.get(record.profile, HOLDS)


def as_on_record(record: RunRecord) -> bool:
    """Whether verdict and deciding checkers are those on record.

    Checkers beyond those on record may be violated as well where a violation is expected: one
    cause has several symptoms, and which of them show depends on timing.
    """
    expected = expected_of(record)
    violated = {f.checker for f in record.findings if f.verdict is Verdict.INVALID}
    if record.verdict is expected.verdict:
        return violated >= set(expected.checkers)
    return expected.sometimes and record.verdict is Verdict.VALID


def compare(record: RunRecord) -> None:
    """Pass in silence what is on record.

    Raises:
        UnexpectedError: it is something else; with every finding that is not valid.
    """
    if as_on_record(record):
        return
    expected = expected_of(record)
    lines = [
        f"{record.scenario.name} under {record.profile}: {record.verdict.value}, "
        f"on record is {expected.verdict.value}"
        + (f" by {', '.join(expected.checkers)}" if expected.checkers else "")
        + f" ({expected.because})"
    ]
    lines += [
        f"  {finding.checker}: {finding.verdict.value}: {finding.text}"
        for finding in record.findings
        if finding.verdict is not Verdict.VALID
    ]
    raise UnexpectedError("\n".join(lines))
