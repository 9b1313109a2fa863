"""cloudbuild.yaml and every gcloud line, read by the parsers of those who will run them."""

from __future__ import annotations

import functools
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from . import commands
from .simulator import Outcome, read, run

ROOT = Path(__file__).parents[2]
FILE = ROOT / "cloudbuild.yaml"
DOCUMENTS = ("README.md", "docs/GATE.md")
CHECK = Path(sys.executable).parent / "check-jsonschema"
GCLOUD_DEADLINE_S = 60.0
needs_gcloud = pytest.mark.skipif(
    shutil.which("gcloud") is None, reason="the Google Cloud SDK is not installed"
)


def gcloud(*arguments: str, home: Path) -> subprocess.CompletedProcess[str]:
    """The real one, logged in nowhere, and with settings of its own."""
    return subprocess.run(
        ["gcloud", *arguments],
        env={
            **{name: value for name, value in os.environ.items() if "CLOUDSDK" not in name},
            "CLOUDSDK_CONFIG": str(home),
            "CLOUDSDK_CORE_DISABLE_PROMPTS": "1",
        },
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        timeout=GCLOUD_DEADLINE_S,
        check=False,
    )


@functools.cache
def sdk(home: Path) -> str:
    found = re.search(r"Google Cloud SDK (\S+)", gcloud("version", home=home).stdout)
    assert found is not None
    return found[1]


def judge(lines: list[str], home: Path) -> dict[str, str]:
    """What gcloud's parser says against each of the lines; those it takes are left out."""
    file = home / "commands.json"
    file.write_text(json.dumps([{"command_string": line, "id": "x"} for line in lines]))
    done = gcloud("meta", "lint-gcloud-commands", f"--commands-file={file}", home=home)
    answers = json.loads(done.stdout)
    assert len(answers) == len(set(lines)), done.stderr
    return {a["command_string"]: a["error_message"] for a in answers if not a["success"]}


@pytest.fixture
def outcomes(tmp_path: Path) -> list[Outcome]:
    """Builds that between them call all there is to call."""
    rules = {"green": {}, "smoke": {"smoke: stallproof": 1}, "promote": {"promote-worker:": 1}}
    return [run(read(FILE), tmp_path / name, rules=rule) for name, rule in rules.items()]


def test_the_lines_that_are_judged_are_all_there_are(outcomes: list[Outcome]) -> None:
    ran = commands.of_calls(call for outcome in outcomes for call in outcome.calls)
    for step in read(FILE).steps:
        written = len(commands.GCLOUD.findall(re.sub(r"#.*", "", step.script or "")))
        kinds = {re.sub(r" [^ ]*[/=].*", "", line) for by, line in ran if by == step.id}
        assert len(kinds) == written, step.id


@needs_gcloud
def test_gcloud_takes_every_line(outcomes: list[Outcome], tmp_path: Path) -> None:
    ran = commands.of_calls(call for outcome in outcomes for call in outcome.calls)
    lines = sorted({line for _, line in ran})
    for name in DOCUMENTS:
        lines += commands.of_document((ROOT / name).read_text())
    known = [commands.as_known(line, sdk(tmp_path)) for line in lines]
    assert judge(known, tmp_path) == {}


@needs_gcloud
def test_what_is_listed_as_newer_is_refused_by_that_sdk(tmp_path: Path) -> None:
    listed = commands.newer(sdk(tmp_path))
    if not listed:
        pytest.skip(f"nothing is listed for SDK {sdk(tmp_path)}")
    lines = [f"{one.command} list" for one in listed]
    lines += [f"{one.instead} deploy a {flag}=1" for one in listed for flag in one.flags]
    assert set(judge(lines, tmp_path)) == set(lines)


@needs_gcloud
def test_gcloud_reads_the_build(tmp_path: Path) -> None:
    def said(text: str) -> str:
        file = tmp_path / "cloudbuild.yaml"
        file.write_text(text)
        where = ("--no-source", f"--config={file}", "--project=x")
        return gcloud("builds", "submit", *where, home=tmp_path).stderr

    # It reads the file first, and only then finds that nobody is logged in.
    text = FILE.read_text()
    assert "You do not currently have an active account selected" in said(text)
    assert ".steps[0].nonsense: unused" in said(
        text.replace("  - id: build\n", "  - id: build\n    nonsense: 1\n")
    )


def test_the_published_schema_takes_it(tmp_path: Path) -> None:
    def check(text: str) -> subprocess.CompletedProcess[str]:
        file = tmp_path / "cloudbuild.yaml"
        file.write_text(text)
        command = [str(CHECK), "--builtin-schema", "vendor.cloudbuild", str(file)]
        return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)

    done = check(FILE.read_text())
    assert done.returncode == 0, done.stdout
    wrong = check(FILE.read_text().replace("allowFailure:", "allowsFailure:", 1))
    assert wrong.returncode == 1
    assert "allowsFailure" in wrong.stdout
