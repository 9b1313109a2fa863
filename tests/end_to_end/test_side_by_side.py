"""Runs side by side do not disturb one another: what they say does not depend on it."""

from __future__ import annotations

from pathlib import Path

import pytest

from .command import runs_of, stallproof, verdicts_of

pytestmark = pytest.mark.real

SCENARIOS = (
    "broker-killed-half-second",
    "idle-reset-worker",
    "flapping-link",
    "publish-into-silence",
)
DEADLINE_S = 240.0


def test_the_verdicts_are_those_of_one_after_another(desk: Path) -> None:
    def violated(jobs: int) -> dict[str, set[str] | None]:
        """By scenario, the checkers that were; None: it was not judged (the machine was busy)."""
        done = stallproof(
            *["run", *SCENARIOS, "--jobs", str(jobs), "--out", f"jobs-{jobs}", "--json"],
            cwd=desk,
            timeout_s=DEADLINE_S,
        )
        return {
            run["scenario"]["name"]: None
            if run["verdict"] == "unknown"
            else {checker for checker, said in verdicts_of(run).items() if said == "invalid"}
            for run in runs_of(done.json)
        }

    together, alone = violated(4), violated(1)
    assert set(together) == set(alone) == set(SCENARIOS)
    judged = [name for name in SCENARIOS if None not in (together[name], alone[name])]
    assert judged, "nothing to compare"
    assert [together[name] for name in judged] == [alone[name] for name in judged]
