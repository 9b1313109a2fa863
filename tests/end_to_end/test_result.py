"""One real run, and all that it leaves behind."""

from __future__ import annotations

import json
import os
import re
from importlib.resources import files
from pathlib import Path
from typing import NamedTuple

import jsonschema
import pytest

from .command import Done, broker_away, files_in, seen_running, stallproof

pytestmark = pytest.mark.real

REPORTS = ("junit.xml", "report.md", "report.html", "summary.md")
LOGS = ("api.log", "broker.log", "harness.log", "worker.log")


class Ran(NamedTuple):
    done: Done
    passwords: set[bytes]
    """The broker's, as the services' own environments had it."""
    desk: Path

    @property
    def folder(self) -> Path:
        return self.desk / "result"


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Ran:
    home = tmp_path_factory.mktemp("ran")
    desk = home / "desk"
    desk.mkdir()
    broker_away(home / "scenarios", "tiny", for_s=1, load_s=6)
    command = ["run", "tiny", "--scenarios", "../scenarios", "--out", "result", "--json"]
    done, passwords = seen_running(*command, cwd=desk, streams=home)
    return Ran(done, passwords, desk)


def test_it_holds_and_says_so_in_json_alone(ran: Ran) -> None:
    assert ran.done.code == 0, ran.done.err
    document = ran.done.json
    schema = json.loads(
        files("stallproof.report").joinpath("results.schema.json").read_text(encoding="utf-8")
    )
    jsonschema.Draft202012Validator(schema).validate(document)
    assert document == json.loads((ran.folder / "run.json").read_text())
    (result,) = document["results"]
    assert (result["scenario"], result["profile"], result["n"]) == ("tiny", "hardened", 1)
    assert result["valid"] == 1


def test_people_read_standard_error(ran: Ran) -> None:
    assert re.search(r"tiny +hardened +1 of 1 .* valid", ran.done.err)
    assert str(ran.folder / "report.html") in "".join(ran.done.err.split("\n"))
    assert "Traceback" not in ran.done.err


def test_the_folder_holds_what_was_promised_and_nothing_else_was_written(ran: Ran) -> None:
    run = "runs/tiny--hardened"
    expected = {"run.json", *REPORTS, f"{run}/run.json", f"{run}/history.jsonl"}
    assert files_in(ran.folder) == expected | {f"{run}/logs/{name}" for name in LOGS}
    assert os.listdir(ran.desk) == ["result"]  # noqa: PTH208 (names are all that is wanted)
    assert (ran.folder / run / "logs" / "worker.log").stat().st_size > 0
    history = (ran.folder / run / "history.jsonl").read_text().splitlines()
    kinds = {json.loads(line)["kind"] for line in history}
    assert {"phase", "op", "task", "fault", "bite", "instance"} <= kinds


def test_the_reports_can_be_made_again_byte_for_byte(ran: Ran) -> None:
    before = {name: (ran.folder / name).read_bytes() for name in REPORTS}
    for name in REPORTS:
        (ran.folder / name).unlink()
    done = stallproof("report", "result", cwd=ran.desk)
    assert done.code == 0, done
    assert {name: (ran.folder / name).read_bytes() for name in REPORTS} == before


def test_the_brokers_password_is_nowhere(ran: Ran) -> None:
    assert len(ran.passwords) == 1, "one password for both services, seen in their environments"
    (password,) = ran.passwords
    assert len(password) >= 16
    texts = {str(path): path.read_bytes() for path in ran.folder.rglob("*") if path.is_file()}
    texts |= {"stdout": ran.done.out.encode(), "stderr": ran.done.err.encode()}
    assert [name for name, text in texts.items() if password in text] == []
    for name, text in texts.items():
        assert not re.search(rb"requirepass\s+[^\s*]", text), name
        assert not re.search(rb"rediss?://[^@\s/]*:(?!\*\*\*@)[^@\s/]*@", text), name
