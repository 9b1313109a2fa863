"""An engine for CI: what is taken out of the packet filter, and what happens where none is."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from images.firewall import policy_in, without_engine

from .conftest import ROOT

NO_ENGINE = "unix:///nonexistent/docker.sock"
FILTER = """\
*filter
:INPUT ACCEPT [0:0]
:FORWARD DROP [3:180]
:OUTPUT ACCEPT [0:0]
:DOCKER - [0:0]
:DOCKER-ISOLATION-STAGE-1 - [0:0]
:DOCKER-USER - [0:0]
:MINE - [0:0]
-A INPUT -p tcp --dport 22 -j MINE
-A FORWARD -j DOCKER-USER
-A FORWARD -j DOCKER-ISOLATION-STAGE-1
-A FORWARD -o docker0 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A FORWARD -i docker0 ! -o docker0 -j ACCEPT
-A FORWARD -i eth0 -j ACCEPT
-A DOCKER-ISOLATION-STAGE-1 -j RETURN
COMMIT
"""
NAT = """\
*nat
:PREROUTING ACCEPT [0:0]
:POSTROUTING ACCEPT [0:0]
:DOCKER - [0:0]
-A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER
-A POSTROUTING -s 172.17.0.0/16 ! -o docker0 -j MASQUERADE
-A POSTROUTING -s 10.0.0.0/8 -o eth0 -j MASQUERADE
-A DOCKER -i docker0 -j RETURN
COMMIT
"""


def test_what_the_engine_added_goes_and_the_rest_stays() -> None:
    assert without_engine(FILTER, policy="ACCEPT", bridge="docker0").splitlines() == [
        "*filter",
        ":INPUT ACCEPT [0:0]",
        ":FORWARD ACCEPT [3:180]",
        ":OUTPUT ACCEPT [0:0]",
        ":MINE - [0:0]",
        "-A INPUT -p tcp --dport 22 -j MINE",
        "-A FORWARD -i eth0 -j ACCEPT",
        "COMMIT",
    ]
    assert without_engine(NAT, policy="DROP", bridge="docker0").splitlines() == [
        "*nat",
        ":PREROUTING ACCEPT [0:0]",
        ":POSTROUTING ACCEPT [0:0]",
        "-A POSTROUTING -s 10.0.0.0/8 -o eth0 -j MASQUERADE",
        "COMMIT",
    ]


def test_a_table_that_no_engine_was_in_is_the_same_afterwards() -> None:
    once = without_engine(FILTER, policy="DROP", bridge="docker0")
    assert without_engine(once, policy=policy_in(once), bridge="docker0") == once


def test_the_policy_is_read_and_is_the_kernels_where_there_is_no_table() -> None:
    assert policy_in(FILTER) == "DROP"
    assert policy_in("") == "ACCEPT"


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[[str], subprocess.Popen[str]]]:
    """Runs a shell script in place of `make test`."""
    started = []

    def run(script: str) -> subprocess.Popen[str]:
        launcher = subprocess.Popen(
            [sys.executable, "-m", "images.ci_engine", "sh", "-c", script],
            cwd=ROOT,
            env={**os.environ, "DOCKER_HOST": NO_ENGINE, "CI": "", "MARK": str(tmp_path)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(launcher)
        return launcher

    yield run
    for process in marked(tmp_path):  # none, if the test passed
        process.kill()
    for launcher in started:
        launcher.communicate(timeout=10)


def marked(tmp_path: Path) -> list[psutil.Process]:
    """Processes that bear the test's mark in their environment, and live."""
    found = []
    for process in psutil.process_iter(["name", "status"]):
        with contextlib.suppress(psutil.Error):
            alive = process.info["status"] != psutil.STATUS_ZOMBIE
            if alive and process.environ().get("MARK") == str(tmp_path):
                found.append(process)
    return found


def test_a_command_that_is_ended_takes_all_its_processes_along(
    start: Callable[[str], subprocess.Popen[str]], tmp_path: Path
) -> None:
    stubborn = "trap '' TERM; while :; do sleep 1; done"
    launcher = start(f"sh -c \"sh -c 'sleep 1000' & ({stubborn}) & echo up; wait\" & wait")
    assert launcher.stdout is not None
    assert launcher.stdout.readline().startswith("left out")
    assert launcher.stdout.readline() == "up\n"
    assert len(marked(tmp_path)) >= 4, "launcher, command, and below it two at least"

    launcher.terminate()

    out, err = launcher.communicate(timeout=60)
    assert (launcher.returncode, out, err) == (128 + signal.SIGTERM, "", "")
    assert marked(tmp_path) == []


def test_what_a_command_leaves_behind_ends_with_it(
    start: Callable[[str], subprocess.Popen[str]], tmp_path: Path
) -> None:
    launcher = start("sleep 1000 > /dev/null 2>&1 & exit 7")
    launcher.communicate(timeout=60)
    assert launcher.returncode == 7
    assert marked(tmp_path) == []


def test_without_an_engine_the_command_runs_and_a_line_says_what_is_left_out() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "images.ci_engine", "sh", "-c", "echo ran; exit 7"],
        cwd=ROOT,
        env={**os.environ, "DOCKER_HOST": NO_ENGINE, "CI": ""},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 7
    left_out, ran = done.stdout.splitlines()
    assert left_out.startswith("left out: the docker site, and the tests of the images: no engine")
    assert ran == "ran"
    assert done.stderr == ""
