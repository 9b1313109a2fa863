"""Literal runs, as small as they can be."""

from __future__ import annotations

from stallproof.model import Scenario, Verdict, worst
from stallproof.records import Finding, RunRecord

SCENARIO = Scenario(name="any", title="t", on_cloud_run="c", guide_promises="g", must_hold="m")


def finding(checker: str, verdict: Verdict = Verdict.VALID, **numbers: float | None) -> Finding:
    return Finding(checker=checker, verdict=verdict, text="said", numbers=dict(numbers))


def run(*findings: Finding, verdict: Verdict | None = None, profile: str = "hardened") -> RunRecord:
    """Valid unless a finding, or the verdict given, says otherwise."""
    found = findings or (finding("accept"),)
    return RunRecord(
        scenario=SCENARIO,
        profile=profile,
        stack="locked",
        site="local",
        stack_versions={"celery": "5", "kombu": "6", "redis": "7"},
        started_at="2026-01-31T12:00:00+00:00",
        seconds=600.0,
        verdict=verdict or worst(each.verdict for each in found),
        findings=found,
    )
