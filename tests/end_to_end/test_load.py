"""`stallproof load`: faults under Locust's load, deployed targets, exit codes, nothing left."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from stallproof.events import FaultPhase, Op
from stallproof.history import History
from stallproof.load.files import default_folder
from stallproof.load.identity import VARIABLE
from stallproof.load.result import read_result
from stallproof.report import load_results

from .command import STALLPROOF, Done, files_in, runs_of, stallproof, verdicts_of
from .standin import standin

THERE_S = 30.0
GONE_S = 5.0
LEFT_BY_LOCUST = {
    "load.json",
    "locust.html",
    "locust_stats.csv",
    "locust_stats_history.csv",
    "locust_failures.csv",
    "locust_exceptions.csv",
}


def on_target(url: str, *options: str, cwd: Path, env: dict[str, str] | None = None) -> Done:
    small = ["--rate-per-s", "20", "--for-s", "2", "--drain-limit-s", "2", "--out", "result"]
    return stallproof("load", "--target", url, *small, *options, cwd=cwd, env=env)


def test_the_harness_itself_is_never_patched() -> None:
    code = "import sys, stallproof.cli, stallproof.runner; print('gevent' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--target", "https://192.0.2.1"], "--i-own-this-target"),
        (["--target", "http://127.0.0.1:1", "--scenario", "broker-killed-4s"], "--scenario"),
        (["--scenario", "broker-killed-4s", "--for-s", "3"], "before the last fault"),
        (["--thresholds", "none.toml"], "none.toml"),
        (["--target", "http://127.0.0.1:1", "--identity-token", "env"], VARIABLE),
    ],
)
def test_bad_usage_is_one_line_and_leaves_nothing(
    desk: Path, options: list[str], says: str
) -> None:
    done = stallproof("load", *options, cwd=desk, env={VARIABLE: ""})
    assert done.code == 2, done.err
    assert says in done.err
    assert done.err.count("\n") == 1
    assert list(desk.iterdir()) == []


@pytest.mark.real
def test_a_broker_restart_under_load_is_on_one_timeline(desk: Path) -> None:
    thresholds = default_folder() / "thresholds-during-faults.toml"
    done = stallproof(
        *["load", "--scenario", "broker-killed-half-second", "--rate-per-s", "20"],
        *["--for-s", "7", "--thresholds", str(thresholds), "--out", "result"],
        *["--drain-limit-s", "30"],
        cwd=desk,
        timeout_s=180,
    )
    assert done.code == 0, done.out + done.err
    assert "Processor time a story" in done.out
    results = load_results(desk / "result")
    folder = desk / "result" / results.results[0].runs[0].dir
    history = History.read(folder / "history.jsonl")
    sent = [op for op in history.of(Op) if op.story >= 0 and op.f == "submit"]
    assert sorted(op.story for op in sent if op.type == "invoke") == list(range(140))
    assert sorted(op.story for op in sent if op.type == "ok") == list(range(140))
    seen_done = [op for op in history.of(Op) if op.f == "await" and op.type == "ok"]
    assert {op.story for op in seen_done} >= set(range(140))
    (begin, end) = [phase.t for phase in history.of(FaultPhase)]
    invoked = [op.t for op in sent if op.type == "invoke"]
    assert min(invoked) < begin < end < max(invoked)
    document = json.loads((desk / "result" / "run.json").read_text())
    verdicts = verdicts_of(runs_of(document)[0])
    assert verdicts["fault-bit"] == verdicts["load-lost-stories"] == verdicts["lost"] == "valid"
    left = {name for name in files_in(folder) if "/" not in name}
    assert left == LEFT_BY_LOCUST | {"history.jsonl", "run.json"}
    assert "STORY,end to end,140,0" in (folder / "locust_stats.csv").read_text()
    page = (desk / "result" / "report.html").read_text()
    drawing = re.search(r'<svg class="wide".*?</svg>', page, re.DOTALL)
    assert drawing is not None
    for word in ("1 broker-restart", "stories / s", "end to end p95", "queue"):
        assert word in drawing.group()


@pytest.mark.real
def test_a_target_that_keeps_to_its_thresholds(desk: Path) -> None:
    with standin() as server:
        token = "eyJ.secret.token"
        done = on_target(
            server.url,
            "--identity-token",
            "env",
            "--processes",
            "2",
            cwd=desk,
            env={VARIABLE: token},
        )
    assert done.code == 0, done.out + done.err
    assert server.tokens == {f"Bearer {token}"}
    assert sorted(server.titles) == sorted(f"Story {i}" for i in range(40))
    assert files_in(desk / "result") == LEFT_BY_LOCUST | {"locust.log"}
    measured = read_result(desk / "result" / "load.json").measured
    assert (measured.processes, measured.reported, measured.done) == (2, 2, 40)
    written = [path.read_text() for path in (desk / "result").iterdir()]
    assert not [text for text in [*written, done.out, done.err] if "secret" in text]


@pytest.mark.real
def test_a_target_that_loses_stories_is_a_violation(desk: Path) -> None:
    with standin(ever_done=False) as server:
        done = on_target(server.url, cwd=desk)
    assert done.code == 1, done.out + done.err
    result = read_result(desk / "result" / "load.json")
    assert result.measured.lost == 40
    assert (
        "not done when the drain limit was over"
        in (desk / "result" / "locust_failures.csv").read_text()
    )


@pytest.mark.real
def test_a_target_that_refuses_is_a_violation(desk: Path) -> None:
    with standin(status=503) as server:
        done = on_target(server.url, cwd=desk)
    assert done.code == 1, done.out + done.err
    assert read_result(desk / "result" / "load.json").measured.error_rate == 1.0


@pytest.mark.real
def test_locust_by_itself_takes_the_same_file_and_answers_the_same(desk: Path) -> None:
    locust = [sys.executable, "-m", "locust", "-f", str(default_folder() / "locustfile.py")]
    with standin() as server:
        options = ["--headless", "--host", server.url, "--rate-per-s", "10", "--for-s", "1"]
        done = subprocess.run(
            [*locust, *options], cwd=desk, capture_output=True, text=True, timeout=60, check=False
        )
    assert done.returncode == 0, done.stderr
    assert "load-lost-stories" in done.stdout
    elsewhere = ["--headless", "--host", "https://192.0.2.1"]
    refused = subprocess.run(
        [*locust, *elsewhere], cwd=desk, capture_output=True, text=True, timeout=60, check=False
    )
    assert refused.returncode == 2
    assert "--i-own-this-target" in refused.stderr.strip().splitlines()[-1]


@pytest.mark.real
@pytest.mark.parametrize("where", ["site", "target"])
def test_a_load_that_is_killed_leaves_no_locust(desk: Path, where: str) -> None:
    with standin() as server:
        target = ["--target", server.url] if where == "target" else []
        outer = subprocess.Popen(
            [str(STALLPROOF), "load", *target, "--rate-per-s", "5", "--for-s", "30"],
            cwd=desk,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "TMPDIR": str(desk)},
        )
        try:
            deadline = time.monotonic() + THERE_S
            while not (locusts := locusts_below(outer.pid)):
                assert time.monotonic() < deadline, f"no locust after {THERE_S} s"
                time.sleep(0.05)
            everyone = psutil.Process(outer.pid).children(recursive=True)
        finally:
            outer.send_signal(signal.SIGKILL)
            outer.wait()
        _, alive = psutil.wait_procs(everyone, timeout=GONE_S)
    assert locusts
    assert alive == []


def locusts_below(pid: int) -> list[psutil.Process]:
    found = []
    for process in psutil.Process(pid).children(recursive=True):
        try:
            argv = process.cmdline()
        except psutil.Error:  # it has just ended
            continue
        # What encloses it has it on its own command line, too.
        if argv[1:3] == ["-m", "locust"]:
            found.append(process)
    return found
