"""The gate as a build calls it: green, red, inconclusive, each with its report.

The commands run side by side, started by the first test that asks.
"""

from __future__ import annotations

import json
import subprocess
import time
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from stallproof.history import History
from stallproof.sites.proctable import descendants, processes

from .command import RUN_DEADLINE_S, STALLPROOF, Done, broker_away, stallproof, verdicts_of

pytestmark = pytest.mark.real

LONG_S = 300.0
"""What `slow` would take if nobody ended it: longer than any command here may."""
GONE_S = 4.0
AT_ONCE = 2
COMMANDS = {
    "green": ["--tag", "quick"],
    "red": ["--tag", "quick", "--profile", "celery-defaults"],
    "strict": ["--tag", "quick", "--thresholds", "strict.toml"],
    "cut": ["--tag", "any", "--jobs", "1"],
}


class Gated(NamedTuple):
    done: Done
    folder: Path
    took_s: float
    pids: set[int]
    """Every process that was seen below the command."""

    @property
    def results(self) -> Any:
        return json.loads((self.folder / "run.json").read_text())["results"]

    @property
    def summary(self) -> str:
        return (self.folder / "summary.md").read_text()


def gate(home: Path, name: str, *more: str) -> Gated:
    where = ["--scenarios", "scenarios", "--out", name]
    command = [str(STALLPROOF), "gate", *COMMANDS[name], *where, *more]
    out, err = home / f"{name}.out", home / f"{name}.err"
    began = time.monotonic()
    pids: set[int] = set()
    with out.open("wb") as to_out, err.open("wb") as to_err:
        process = subprocess.Popen(command, cwd=home, stdout=to_out, stderr=to_err)
        while process.poll() is None:
            if time.monotonic() - began > RUN_DEADLINE_S:
                process.kill()
                pytest.fail(f"waited {RUN_DEADLINE_S} s for {name} to end: {out.read_text()}")
            pids.update(descendants(process.pid))
            time.sleep(0.1)
    done = Done(process.returncode, out.read_text(), err.read_text())
    return Gated(done, home / name, time.monotonic() - began, pids)


@pytest.fixture(scope="module")
def gated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Gated]]:
    home = tmp_path_factory.mktemp("gate")
    # While the broker is away nothing but an outbox can accept a story at once.
    limits = ", limits=Limits(accept_s=2, settle_s=10)"
    quick = f"{limits}, tags=['quick', 'any']"
    broker_away(home / "scenarios", "quick", for_s=3, load_s=6, more=quick)
    broker_away(home / "scenarios", "slow", for_s=3, load_s=LONG_S, more=f"{limits}, tags=['any']")
    (home / "strict.toml").write_text("[scenario.quick]\nrecovery_s = 0.001\n")

    def run(name: str) -> Gated:
        if name != "cut":
            return gate(home, name)
        # What a whole short gate takes here and now is enough to get a run of the long one going.
        budget_s = round(answers["green"].result().took_s)
        return gate(home, name, "--budget-s", str(budget_s))

    with ThreadPoolExecutor(AT_ONCE) as pool:
        answers: dict[str, Future[Gated]] = {}
        for name in COMMANDS:
            answers[name] = pool.submit(run, name)
        yield lambda name: answers[name].result()


@pytest.mark.parametrize(
    ("name", "code", "answer", "junit"),
    [
        ("green", 0, "✓ All of it holds", ("0", "0")),
        ("red", 1, "✗ Violated", ("1", "0")),
        ("strict", 1, "✗ Violated", ("1", "0")),
        ("cut", 3, "? Inconclusive", ("0", "2")),
    ],
)
def test_the_answer_its_code_and_every_report(
    name: str, code: int, answer: str, junit: tuple[str, str], gated: Callable[[str], Gated]
) -> None:
    it = gated(name)
    assert it.done.code == code, it.done
    assert it.summary.startswith(f"# {answer}")
    assert f"(exit code {code})\n" in it.summary
    assert it.summary in it.done.out, "the build's log does not hold the summary"
    suites = ET.parse(it.folder / "junit.xml").getroot()
    assert (suites.get("failures"), suites.get("errors")) == junit
    assert "</html>" in (it.folder / "report.html").read_text()
    assert "Traceback" not in it.done.err


def test_red_says_what_why_what_decides_it_and_how_to_see_it_again(
    gated: Callable[[str], Gated],
) -> None:
    summary = gated("red").summary
    assert "### ✗ quick with celery-defaults: 0 of 1 runs valid" in summary
    assert "- **accept** invalid: " in summary
    assert "## What decides it" in summary
    assert "- Store the story before publishing it" in summary
    assert "`stallproof run quick --profile celery-defaults --stack locked --site" in summary


def test_a_threshold_that_is_exceeded_is_a_line_with_scenario_measured_and_allowed(
    gated: Callable[[str], Gated],
) -> None:
    it = gated("strict")
    (result,) = it.results
    (run,) = result["runs"]
    verdicts = verdicts_of(run)
    assert verdicts.pop("thresholds") == "invalid"
    assert set(verdicts.values()) == {"valid"}, "the scenario's own limits hold"
    line = next(line for line in it.summary.splitlines() if "**thresholds**" in line)
    assert "recovery_s: measured " in line
    assert ", allowed 0.001" in line
    again = stallproof("report", str(it.folder), cwd=it.folder.parent)
    assert again.code == 1, "a report made again says the same"


def test_a_budget_that_is_used_up_ends_it_in_time_and_leaves_no_process(
    gated: Callable[[str], Gated],
) -> None:
    it = gated("cut")
    budget_s = round(gated("green").took_s)
    assert budget_s <= it.took_s < LONG_S
    slow, quick = (it.folder / "runs" / f"{name}--hardened" for name in ("slow", "quick"))
    assert 0 < History.read(slow / "history.jsonl").end_t <= budget_s, "by the run's own clock"
    assert not (quick / "history.jsonl").exists(), "both runs had begun"
    for result in it.results:
        assert verdicts_of(result["runs"][0]) == {"budget": "unknown"}
    assert it.summary.count(f"time budget of {budget_s} s was used up") == 2
    deadline = time.monotonic() + GONE_S
    while left := it.pids & {entry.pid for entry in processes() if entry.state not in "ZX"}:
        assert time.monotonic() < deadline, f"still there after {GONE_S} s: {left}"
        time.sleep(0.05)
