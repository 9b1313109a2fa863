"""`pytest scenarios`, as a CI job runs it."""

from __future__ import annotations

import os
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from .command import RUN_DEADLINE_S, broker_away, write_scenario

pytestmark = pytest.mark.real

PYTEST = [sys.executable, "-m", "pytest", "scenarios"]
PROFILES = ["--profile", "hardened", "--profile", "celery-defaults"]
CLEAN = {key: value for key, value in os.environ.items() if not key.startswith("PYTEST_")}

# Under the defaults a POST waits for the broker, with an outbox it does not: that is sure.
LIMITS = ", limits=Limits(accept_s=2, accept_error_rate=1, settle_s=10)"
EXPECTED = (
    ", expected={{'celery-defaults': Expect(verdict=Verdict.INVALID, checkers=({checkers!r},), "
    "because='nobody keeps what cannot be published')}}"
)


def pytest_scenarios(*options: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*PYTEST, *PROFILES, *options],
        cwd=cwd,
        env=CLEAN,
        capture_output=True,
        text=True,
        timeout=RUN_DEADLINE_S,
        check=False,
    )


def test_what_is_on_record_passes_and_what_is_not_says_which_checker(
    tmp_path: Path, desk: Path
) -> None:
    for name, checkers in (("right", "accept"), ("wrong", "duplicated")):
        expected = LIMITS + EXPECTED.format(checkers=checkers)
        broker_away(desk / "scenarios", name, for_s=3, load_s=6, more=expected)
    (desk / "pytest.ini").write_text("[pytest]\n")
    xml = tmp_path / "junit.xml"
    done = pytest_scenarios(f"--junitxml={xml}", cwd=desk)
    assert done.returncode == 1, done.stdout + done.stderr
    failures = {
        case.attrib["name"]: None if (failure := case.find("failure")) is None else failure.text
        for case in ET.parse(xml).iter("testcase")
    }
    said = failures.pop("wrong[celery-defaults]")
    assert failures == dict.fromkeys(
        ["right[hardened]", "right[celery-defaults]", "wrong[hardened]"]
    )
    assert said is not None
    head, *findings = said.splitlines()
    assert head == (
        "wrong under celery-defaults: invalid, on record is invalid by duplicated "
        "(nobody keeps what cannot be published)"
    )
    assert any(line.startswith("  accept: invalid: ") and "POST" in line for line in findings)
    # A finding is a sentence: neither stack, nor source, nor file and line.
    assert said in done.stdout
    for trace in ("Traceback", "UnexpectedError", "expectations.py", "def runtest"):
        assert trace not in done.stdout
    (result,) = (desk / "reports").iterdir()
    assert (result / "report.html").is_file()


def test_recorded_is_what_shows_every_time(desk: Path) -> None:
    on_record = "verdict=Verdict.INVALID, checkers=('lost',), because='so it is'"
    for name, more in (("always", ""), ("now_and_then", ", sometimes=True")):
        write_scenario(
            desk / "scenarios",
            name,
            imports="Expect, Verdict",
            arguments=f"expected={{'celery-defaults': Expect({on_record}{more})}}",
        )
    write_scenario(desk / "scenarios", "never", imports="Expect", arguments="")
    done = pytest_scenarios("-m", "recorded", "--collect-only", "-q", cwd=desk)
    collected = [line for line in done.stdout.splitlines() if "::" in line]
    assert collected == ["scenarios/always.py::always[celery-defaults]"], done.stdout + done.stderr
