"""`stallproof lint` as it is typed: its lines, its JSON, its exit codes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from stallproof import cli
from stallproof.lint.registry import ALL

from .asked import DATA


def typed(*arguments: object) -> Any:
    return CliRunner().invoke(cli.app, ["lint", *map(str, arguments)])


def test_findings_are_lines_with_their_explanation_and_exit_1() -> None:
    done = typed(DATA / "guide" / "monitor.sh")
    lines = done.stdout.splitlines()
    assert done.exit_code == 1
    assert lines[0].endswith(
        "monitor.sh:2: gcloud logs tail: there is no such command [error: gcloud-logs-tail]"
    )
    assert [line.split(":")[0].strip() for line in lines[1:4]] == ["why", "instead", "proof"]
    assert lines[-1] == "1 file, 2 findings"


def test_nothing_found_is_exit_0() -> None:
    done = typed(DATA / "corrected")
    assert (done.exit_code, done.stdout) == (0, "7 files, no findings\n")


def test_what_cannot_be_read_is_exit_2_and_the_rest_is_printed(tmp_path: Path) -> None:
    (tmp_path / "cloudbuild.yaml").write_text("steps: [")
    done = typed(DATA / "guide" / "monitor.sh", tmp_path / "cloudbuild.yaml")
    assert done.exit_code == 2
    assert "gcloud-logs-tail" in done.stdout
    assert done.stdout.endswith("2 files, 1 not readable, 2 findings\n")
    assert done.stderr.startswith(f"stallproof: {tmp_path}/cloudbuild.yaml:1: not YAML: ")
    assert done.stderr.count("\n") == 1


def test_a_command_line_is_judged_with_the_files_beside_it(tmp_path: Path) -> None:
    (tmp_path / "requirements.txt").write_text("celery[redis]==5.3.6\nkombu==5.3.7\nredis==5.0.8\n")
    mingles = "celery -A app worker --without-gossip"
    mute = typed(tmp_path, "--command", mingles)
    assert "kombu 5.3.7 has issue 7276, and a worker mingles" in mute.stdout
    assert typed(tmp_path, "--command", f"{mingles} --without-mingle").exit_code == 0
    done = typed("--command", "gcloud logs tail")
    assert done.stdout.startswith("--command:1: gcloud logs tail: there is no such command")


def test_json_holds_the_same(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text("def f(:")
    done = typed("--json", DATA / "guide" / "monitor.sh", tmp_path)
    document = json.loads(done.stdout)
    keys = {"file", "line", "rule", "severity", "what", "why", "instead", "proof"}
    assert [set(finding) for finding in document["findings"]] == [keys, keys]
    assert [(u["line"], u["what"]) for u in document["unreadable"]] == [
        (1, "not Python: invalid syntax")
    ]


def test_the_rules_are_printed() -> None:
    lines, listed = typed("--rules").stdout, json.loads(typed("--rules", "--json").stdout)
    assert [each["id"] for each in listed] == [rule.id for rule in ALL]
    for rule in ALL:
        assert f"{rule.id} ({rule.severity}): {rule.title}\n" in lines


def test_no_path_is_bad_usage(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["stallproof", "lint"])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == 2
    assert (
        capsys.readouterr().err
        == "stallproof: lint: name at least one file or folder, or a --command\n"
    )
