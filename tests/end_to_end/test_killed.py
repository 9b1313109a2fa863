"""SIGKILL, at any moment, to any of the processes of a run: nothing stays, nobody waits."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import msgspec
import pytest

from stallproof.report import load_results
from stallproof.sites.namespaces import command_enclosed, why_no_namespaces

from .command import STALLPROOF, broker_away, files_in
from .killer import END_S, THERE_S, Plan

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(
        why_no_namespaces() is not None, reason="what is left can be told only in an enclosure"
    ),
]

VICTIMS = ("outer", "server", "launcher", "init", "runner")
TRIALS = 15
"""About three a victim; each time these tests run they draw new moments."""
AT_ONCE = 4
REPEAT = 2


def kill_one(home: Path, *, options: list[str], dice: random.Random) -> str:
    """One trial; answers what was done, in words, or fails."""
    desk, scratch, own = (home / name for name in ("desk", "scratch", "home"))
    for folder in (desk, scratch, own):
        folder.mkdir(parents=True)
    broker_away(home / "scenarios", "tiny", for_s=1, load_s=6)
    plan = Plan(
        command=[
            *[str(STALLPROOF), "run", "tiny", "--scenarios", "../scenarios", "--out", "result"],
            *["--jobs", "2", "--repeat", str(REPEAT), *options],
        ],
        desk=str(desk),
        env={"TMPDIR": str(scratch), "HOME": str(own), "PYTHONDONTWRITEBYTECODE": "1"},
        victim=(victim := dice.choice(VICTIMS)),
        # Since it is there: a run takes ten seconds and more, the command two to come to it.
        after_s=dice.uniform(0.2, 8.0) if victim == "outer" else dice.uniform(0.0, 8.0),
        draw=dice.getrandbits(32),
    )
    done = perform(plan)
    said = (home / "said").read_text() if (home / "said").exists() else ""
    assert done.returncode == 0, f"{plan.victim} after {plan.after_s:.2f} s: {done.stderr}{said}"
    seen: dict[str, Any] = msgspec.json.decode(done.stdout)
    words = f"{plan.victim} killed after {plan.after_s:.2f} s, code {seen['code']}"
    assert seen["lingering"] == [], words
    assert seen["left"] == {}, words
    assert files_in(scratch) == set(), words
    assert os.listdir(scratch) == [], words  # noqa: PTH208 (folders count as well)
    outside = {name for name in files_in(home) if not name.startswith("desk/result/")}
    assert outside == {"said", "scenarios/tiny.py"}, words
    assert "Traceback" not in said, f"{words}: {said}"
    if plan.victim != "outer":
        assert seen["code"] in {0, 1, 3, 4}, f"{words}: {said}"
        results = load_results(desk / "result")
        assert sum(result.n for result in results.results) == REPEAT, words
    elif (desk / "result" / "run.json").exists():
        load_results(desk / "result")  # whole or not there at all
    return f"{words}, {seen['doomed']} processes in its run"


def perform(plan: Plan) -> subprocess.CompletedProcess[str]:
    killer = [sys.executable, str(Path(__file__).with_name("killer.py"))]
    return subprocess.run(
        command_enclosed([*killer, msgspec.json.encode(plan).decode()]),
        capture_output=True,
        text=True,
        timeout=THERE_S + plan.after_s + END_S + plan.gone_s + 30,
        check=False,
    )


def kill_many(home: Path, *, trials: int, options: list[str]) -> None:
    """Several at once; the seed of a failure is in its output."""
    seed = random.randrange(2**32)
    print(f"seed {seed}")  # noqa: T201 (shown where it fails)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        trial = [
            pool.submit(kill_one, home / str(i), options=options, dice=random.Random(f"{seed}/{i}"))
            for i in range(trials)
        ]
        failures = []
        for i, future in enumerate(trial):
            if (problem := future.exception()) is not None:
                failures.append(f"{i}: {problem}")
            else:
                print(f"{i}: {future.result()}")  # noqa: T201 (likewise)
    assert not failures, "\n".join(failures)


@pytest.mark.long
def test_one_sigkill_anywhere_leaves_nothing(tmp_path: Path) -> None:
    kill_many(tmp_path, trials=TRIALS, options=[])


def test_one_sigkill_anywhere_leaves_nothing_on_loopback(tmp_path: Path) -> None:
    kill_many(tmp_path, trials=4, options=["--loopback"])


LEAKY = """
import os, signal, socket, subprocess, sys
listener = socket.create_server(("127.0.0.1", 0))
stays = "from stallproof.sites import kernel_calls as k; k.unshare(k.Clone.NEWNET); input()"
quiet = {"start_new_session": True, "stdin": subprocess.PIPE, "pass_fds": [listener.fileno()]}
child = subprocess.Popen([sys.executable, "-c", stays], **quiet)
os.set_inheritable(child.stdin.fileno(), True)
subprocess.Popen(["sleep", "1000"], start_new_session=True, close_fds=False)
signal.pause()
"""


def test_what_does_stay_is_seen(tmp_path: Path) -> None:
    (desk := tmp_path / "desk").mkdir()
    command = [sys.executable, "-c", LEAKY]
    plan = Plan(
        command=command, desk=str(desk), env={}, victim="outer", after_s=2.0, draw=0, gone_s=1.0
    )
    done = perform(plan)
    assert done.returncode == 0, done.stderr
    left = msgspec.json.decode(done.stdout)["left"]
    assert set(left) == {"processes", "networks", "listeners"}
    assert any("sleep 1000" in process for process in left["processes"])
