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
    def run(jobs: int) -> dict[str, tuple[str, frozenset[str]]]:
        done = stallproof(
            *["run", *SCENARIOS, "--jobs", str(jobs), "--out", f"jobs-{jobs}", "--json"],
            cwd=desk,
            timeout_s=DEADLINE_S,
        )
        return {
            run["scenario"]["name"]: (
                run["verdict"],
                frozenset(c for c, verdict in verdicts_of(run).items() if verdict == "invalid"),
            )
            for run in runs_of(done.json)
        }

    together = run(4)
    assert set(together) == set(SCENARIOS)
    assert together == run(1)
