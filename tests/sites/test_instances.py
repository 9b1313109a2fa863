"""An instance is told to go, has its grace, is started again; its processes are known by pid."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import anyio
import pytest

from stallproof.clock import Clock
from stallproof.events import InstancePhase
from stallproof.history import History, Recorder
from stallproof.sites.base import Address
from stallproof.sites.capabilities import GRACE_S
from stallproof.sites.fleet import Fleet, instance_ids
from stallproof.sites.hosts import Here
from stallproof.sites.instanceprocesses import InstanceProcesses
from stallproof.sites.instances import SupervisedInstance
from stallproof.sites.logs import ServiceLog
from stallproof.sites.process import Process
from stallproof.sites.redact import redactor
from stallproof.sites.waiting import wait_until

pytestmark = pytest.mark.real

SPEED = 20.0
DEADLINE_S = 20.0
NOBODY = Address("127.0.0.1", 1)
POLITE = "trap 'exit 4' TERM; sleep 1000 & echo up > ready; wait"
STUBBORN = "trap '' TERM; sleep 1000 & echo up > ready; while :; do wait; done"

Start = Callable[[str], SupervisedInstance]


@pytest.fixture
def ready(tmp_path: Path) -> Path:
    """A named pipe: reading it waits until a life of the instance has got that far."""
    os.mkfifo(tmp_path / "ready")
    return tmp_path / "ready"


@pytest.fixture
def start(tmp_path: Path, ready: Path) -> Iterator[Start]:
    """A shell script as an instance, in a system time of its own."""
    with ExitStack() as stack:
        recorder = Recorder(tmp_path / "history.jsonl", clock=Clock.starting_now(SPEED))
        stack.callback(recorder.close)
        log = ServiceLog(
            tmp_path,
            service="worker",
            recorder=recorder,
            redact=redactor([]),
            watched=True,
        )
        stack.callback(log.close)

        def start(script: str) -> SupervisedInstance:
            instance = SupervisedInstance(
                "worker",
                ids=instance_ids("worker"),
                start=lambda _id, on_exit: Process(
                    ["sh", "-c", script],
                    env={"PATH": os.environ["PATH"]},
                    cwd=tmp_path,
                    host=Here(),
                    log=log,
                    on_exit=on_exit,
                ),
                address=NOBODY,
                liveness=None,
                recorder=recorder,
                log=log,
            )
            stack.callback(instance.close)
            assert ready.read_text() == "up\n"
            wait_until(lambda: None if instance.starts else "none", awaited="a start", timeout_s=5)
            return instance

        yield start


def exit_of(instance: SupervisedInstance) -> int:
    wait_until(
        lambda: None if instance.dated_exits else "it runs on",
        awaited="its exit",
        timeout_s=DEADLINE_S,
    )
    return instance.dated_exits[0][1]


def lives(folder: Path) -> list[InstancePhase]:
    return list(History.read(folder / "history.jsonl").of(InstancePhase))


def test_who_is_told_to_go_leaves_with_its_own_code(
    start: Start, ready: Path, tmp_path: Path
) -> None:
    instance = start(POLITE)
    assert instance.takes_requests
    assert instance.terminate()
    assert exit_of(instance) == 4
    assert ready.read_text() == "up\n"  # started again
    wait_until(
        lambda: None if len(lives(tmp_path)) == 4 else "fewer",
        awaited="the second start in the history",
        timeout_s=DEADLINE_S,
    )
    assert [(life.phase, life.code, life.instance) for life in lives(tmp_path)] == [
        ("start", None, "worker-1"),
        ("sigterm", None, "worker-1"),
        ("exit", 4, "worker-1"),
        ("start", None, "worker-2"),
    ]
    assert instance.takes_requests
    assert Fleet(instance).find("worker-1") is Fleet(instance).find("worker-2") is instance


def test_who_does_not_go_is_killed_when_the_grace_is_over(start: Start, tmp_path: Path) -> None:
    instance = start(STUBBORN)
    assert instance.terminate()
    assert not instance.takes_requests  # though it runs: the grace is half a second
    assert exit_of(instance) == -signal.SIGKILL
    _, told, killed = lives(tmp_path)[:3]
    assert killed.t - told.t >= GRACE_S


def test_there_is_nothing_to_end_once_it_is_closed(start: Start) -> None:
    instance = start(POLITE)
    instance.close()
    assert not instance.terminate()


def test_one_process_is_killed_and_the_others_are_left_alone(start: Start) -> None:
    instance = start(STUBBORN)
    processes = InstanceProcesses({"worker": Fleet(instance)})

    async def kill_the_child() -> tuple[int, int, bool]:
        first, child = await processes.members("worker")
        assert await processes.kill("worker", child)
        with anyio.fail_after(DEADLINE_S):
            while child in (left := await processes.members("worker")):
                await anyio.sleep(0.01)
        assert list(left) == [first]
        return first, child, await processes.kill("worker", child)

    first, _, killed_again = anyio.run(kill_the_child)
    assert first == instance.pid
    assert not killed_again
    assert not instance.dated_exits


def test_a_process_of_somebody_else_is_not_touched(start: Start) -> None:
    processes = InstanceProcesses({"worker": Fleet(start(POLITE))})
    assert not anyio.run(processes.kill, "worker", os.getpid())
