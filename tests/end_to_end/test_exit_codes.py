"""What the exit code says: 0 holds, 1 violated, 3 not judged; who decides it."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from pathlib import Path

import pytest

from .command import broker_away, runs_of, stallproof, text_of, verdicts_of, write_scenario

pytestmark = pytest.mark.real

BLAME_DEADLINE_S = 300.0
"""It boots the system some twenty times."""


def test_only_the_profiles_that_must_hold_decide(tmp_path: Path, desk: Path) -> None:
    # While the broker is away nothing but an outbox can accept a story.
    broker_away(tmp_path / "scenarios", "away", for_s=3, load_s=6)
    both = ["--profile", "hardened", "--profile", "celery-defaults"]
    command = ["run", "--scenarios", "../scenarios", "away", *both, "--jobs", "2", "--json"]

    def run(name: str, *more: str) -> tuple[int, dict[str, str]]:
        done = stallproof(*command, "--out", name, *more, cwd=desk)
        return done.code, {run["profile"]: run["verdict"] for run in runs_of(done.json)}

    with ThreadPoolExecutor() as pool:
        lenient = pool.submit(run, "lenient", "--must-hold", "hardened")
        strict = pool.submit(run, "strict")
    verdicts = {"hardened": "valid", "celery-defaults": "invalid"}
    assert lenient.result() == (0, verdicts)
    assert strict.result() == (1, verdicts)


def test_a_fault_that_cannot_bite_is_unknown_and_3(tmp_path: Path, desk: Path) -> None:
    write_scenario(
        tmp_path / "scenarios",
        "toothless",
        imports="IdleReset, Workload, at",
        arguments="schedule=[at(1, IdleReset(min_idle_s=600))], workload=Workload(for_s=3)",
    )
    done = stallproof("run", "toothless", "--scenarios", "../scenarios", "--json", cwd=desk)
    assert done.code == 3, done.err
    (run,) = runs_of(done.json)
    assert run["verdict"] == "unknown"
    verdicts = verdicts_of(run)
    assert verdicts.pop("fault-bit") == "unknown"
    assert set(verdicts.values()) == {"valid"}
    assert "did not bite: 0 sockets reset" in text_of(run, "fault-bit")


def test_the_guide_fails_and_the_line_that_decides_it_is_named(tmp_path: Path, desk: Path) -> None:
    broker_away(tmp_path / "scenarios", "tiny", for_s=1, load_s=6)
    done = stallproof(
        *["run", "tiny", "--scenarios", "../scenarios", "--profile", "guide", "--json"],
        cwd=desk,
        timeout_s=BLAME_DEADLINE_S,
    )
    assert done.code == 1, done.err
    (run,) = runs_of(done.json)
    assert verdicts_of(run) == {"boot": "invalid", "cause": "invalid"}
    cause = text_of(run, "cause")
    found = re.match(r"The worker starts without profiles\.py:(\d+): (\S+) = ", cause)
    assert found is not None, cause
    assert found[2] == "broker_transport_options.socket_keepalive_options"
    spec = find_spec("storymimi.profiles")
    assert spec is not None
    assert spec.origin is not None
    line = Path(spec.origin).read_text().splitlines()[int(found[1]) - 1]
    assert '"broker_transport_options.socket_keepalive_options.TCP_KEEPIDLE"' in line
