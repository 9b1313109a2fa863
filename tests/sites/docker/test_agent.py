"""The agent by itself: a process that is asked in lines and answers in lines."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from stallproof.sites.docker.agent import ACTS
from stallproof.sites.docker.holder import AGENT, HOME, agent_files

Ask = Callable[..., Any]


@pytest.fixture
def agent(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """With nothing but what is copied into the container, and the standard library."""
    for name, data in agent_files().items():
        copy = tmp_path / "home" / Path(name).relative_to(HOME)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(data)
    process = subprocess.Popen(
        [sys.executable, "-S", *AGENT],
        env={"PYTHONPATH": str(tmp_path / "home")},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        bufsize=1,
    )
    with process:
        yield process
        process.kill()


@pytest.fixture
def ask(agent: subprocess.Popen[str]) -> Ask:
    def ask(act: str, **arguments: Any) -> Any:
        assert agent.stdin is not None
        assert agent.stdout is not None
        agent.stdin.write(json.dumps({"id": 7, "do": act, "with": arguments}) + "\n")
        answer = json.loads(agent.stdout.readline())
        assert answer.pop("id") == 7
        return answer

    return ask


def test_it_needs_nothing_but_what_is_copied(ask: Ask) -> None:
    assert ask("idle_for_s", local_ip="127.0.0.1", port=1) == {"answer": []}


def test_what_it_cannot_do_it_says_and_goes_on(ask: Ask, tmp_path: Path) -> None:
    assert "KeyError" in ask("nonsense")["error"]
    refused = ask("wipe", path=str(tmp_path / "nowhere"))
    assert refused == {"error": "No such file or directory", "errno": 2}
    assert ask("idle_for_s", local_ip="nonsense", port=1)["errno"] is None
    assert ask("idle_for_s", local_ip="127.0.0.1", port=1) == {"answer": []}


def test_wiping_a_folder_leaves_the_folder(ask: Ask, tmp_path: Path) -> None:
    folder = tmp_path / "data"
    (folder / "below" / "that").mkdir(parents=True)
    (folder / "file").touch()
    assert ask("wipe", path=str(folder)) == {"answer": None}
    assert folder.is_dir()
    assert not any(folder.iterdir())


def test_a_followed_file_comes_line_by_line(
    ask: Ask, agent: subprocess.Popen[str], tmp_path: Path
) -> None:
    assert agent.stdout is not None
    ledger = tmp_path / "ledger"
    assert ask("follow", path=str(ledger)) == {"answer": None}
    with ledger.open("a") as file:
        file.write("one\ntw")
        file.flush()
        assert json.loads(agent.stdout.readline()) == {"line": "one"}
        file.write("o\nthree\n")
        file.flush()
    seen = [json.loads(agent.stdout.readline())["line"] for _ in range(2)]
    assert seen == ["two", "three"]


def test_every_act_is_named_as_it_is_called() -> None:
    assert all(act == function.__name__ for act, function in ACTS.items())
