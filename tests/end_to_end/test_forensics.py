"""A worker that is mute: the report names the line it waits in, and the connection that is dead.

That a run which holds leaves no such folder behind is among what `test_result.py` checks.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from stallproof.events import Seizure
from stallproof.history import History

from .command import Done, runs_of, seen_running, text_of, verdicts_of, write_scenario

pytestmark = pytest.mark.real

LINE = r"[\w./<>]+\.py:\d+ [\w.<>]+"
"""A frame: file, line, function."""


class Ran(NamedTuple):
    done: Done
    passwords: set[bytes]
    folder: Path

    @property
    def run(self) -> Any:
        (run,) = runs_of(self.done.json)
        return run

    @property
    def seizures(self) -> list[Seizure]:
        return list(History.read(self.folder / self.run["dir"] / "history.jsonl").of(Seizure))


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Ran:
    """Every connection of the worker's to the broker dies in silence, and nothing ends the wait."""
    home = tmp_path_factory.mktemp("ran")
    write_scenario(
        home / "scenarios",
        "silence",
        imports="Limits, Link, SilentDrop, Workload, at",
        arguments="schedule=[at(2, SilentDrop(links=(Link.WORKER_BROKER,)))], "
        "workload=Workload(rate_per_s=2, for_s=6), limits=Limits(stall_s=6, settle_s=14)",
    )
    done, passwords = seen_running(
        *["run", "silence", "--profile", "celery-defaults", "--scenarios", "scenarios"],
        *["--out", "result", "--json"],
        cwd=home,
        streams=home,
    )
    return Ran(done, passwords, home / "result")


def test_the_worker_is_mute_to_the_end(ran: Ran) -> None:
    verdicts = verdicts_of(ran.run)
    assert verdicts["fault-bit"] == "valid", ran.done.err
    assert verdicts["stalled"] != "valid"  # unknown on a machine too busy to judge: the same stall
    assert "until the watch ended" in text_of(ran.run, "stalled")


def test_the_evidence_is_taken_when_the_stall_is_called_and_at_the_end(ran: Ran) -> None:
    first, last = ran.seizures
    assert (first.why, last.why) == ("stalled", "unfinished")
    assert first.missing == ()
    assert first.t - ran.run["load_t"] > 6  # the limit, and not before it
    assert first.queued is not None
    assert first.queued > 0


def test_the_thread_waits_on_a_connection_whose_segments_nobody_acknowledges(ran: Ran) -> None:
    """Beyond doubt also on a slow machine: by then each retransmission has gone unanswered."""
    (wait,) = [
        wait
        for wait in ran.seizures[0].waits
        if (wait.service, wait.process, wait.thread) == ("worker", "main process", "MainThread")
    ]
    assert wait.call == "recvfrom"
    (on,) = wait.on
    assert (on.link, on.state, on.timer) == ("worker-broker", "ESTABLISHED", "retransmission")
    assert on.retransmits > 0
    assert on.unacked > 0
    assert wait.at.startswith("redis/")
    assert any(frame.startswith("kombu/transport/redis.py:") for frame in wait.under)


@pytest.mark.parametrize("name", ["report.md", "report.html", "summary.md", "junit.xml", "stderr"])
def test_every_report_names_the_line_and_the_connection(ran: Ran, name: str) -> None:
    text = ran.done.err if name == "stderr" else (ran.folder / name).read_text()
    flat = " ".join(text.replace("\\_", "_").replace("&lt;", "<").replace("&gt;", ">").split())
    pattern = rf"waited in redis/{LINE}, called by .*?kombu/transport/redis\.py:\d+ [\w.]+"
    assert re.search(pattern, flat), flat
    assert re.search(r"recvfrom on [\d.:]+ to 198\.18\.3\.13:6379 \(worker-broker\)", flat)
    assert re.search(r"\d+ retransmissions? without an answer", flat)


def test_the_files_hold_what_was_there(ran: Ran) -> None:
    folder = ran.folder / ran.run["dir"]
    (first, _) = ran.seizures
    texts = {Path(name).name: (folder / name).read_text() for name in first.files}
    assert set(texts) == {
        *["api-sockets.txt", "api-stacks.txt", "worker-sockets.txt", "worker-stacks.txt"],
        *["broker-clients.txt", "broker-contents.json", "conntrack.txt"],
        *["api.log", "broker.log", "worker.log"],
    }
    (wait,) = [wait for wait in first.waits if wait.thread == "MainThread" and wait.on]
    assert wait.at in texts["worker-stacks.txt"]
    assert re.search(
        rf"{re.escape(wait.on[0].local)} .* retransmission", texts["worker-sockets.txt"]
    )
    assert f"addr={wait.on[0].local} " in texts["broker-clients.txt"]
    assert wait.on[0].local in texts["conntrack.txt"]
    assert first.queued is not None
    assert first.unacked is not None
    held = texts["broker-contents.json"].count('"story_id"')
    assert held == first.queued + first.unacked


def test_the_brokers_password_is_in_no_file(ran: Ran) -> None:
    (password,) = ran.passwords
    found = [path for path in ran.folder.rglob("*") if path.is_file()]
    assert [path for path in found if password in path.read_bytes()] == []
