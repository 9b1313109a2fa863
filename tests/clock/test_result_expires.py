"""Celery's `result_expires` of an hour, at its own value: the broker forgets a result in time."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path

import pytest
import redis
from celery import Celery

from stallproof.clock import Clock
from stallproof.clock.build import find_shim
from stallproof.parts import find_broker
from stallproof.sites.namespaces import command_enclosed

pytestmark = pytest.mark.real

EXPIRES_S = 3600
SPEED = 600
SLACK_S = 6000
"""Ten real seconds, in which a busy machine may not come to look. By default it is a day."""
DEADLINE_S = 60.0
"""Of real time: 6 s of it are the hour."""


def test_a_result_is_gone_after_an_hour_and_not_before(tmp_path: Path) -> None:
    clock = Clock.starting_now(SPEED)
    address = tmp_path / "broker.sock"
    time_of = (f"{name}={value}" for name, value in clock.env(shim=find_shim()).items())
    broker = [find_broker().path, "--port", "0", "--unixsocket", str(address), "--save", ""]
    # `env`, so that the guardians stay in real time.
    command = command_enclosed(["env", *time_of, *broker], namespaces=False)
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.DEVNULL) as process:
        try:
            held_s = result_held_s(address)
        finally:
            process.kill()
    assert EXPIRES_S <= held_s <= EXPIRES_S + SLACK_S


def result_held_s(address: Path) -> float:
    """How long a result that Celery has stored stays, in the broker's own time."""
    app = Celery(backend=f"redis+socket://{address}")
    app.conf.result_expires = EXPIRES_S
    deadline = time.monotonic() + DEADLINE_S
    with redis.Redis(unix_socket_path=str(address)) as client:
        while not address.exists() or not answers(client):
            assert time.monotonic() < deadline, "the broker never answered"
            time.sleep(0.05)
        before_s = now_s(client)
        app.backend.store_result("a-task", "its result", "SUCCESS")
        (key,) = client.keys("celery-task-meta-*")
        while client.exists(key):
            assert time.monotonic() < deadline, (
                f"{key!r} is there after {now_s(client) - before_s} s"
            )
            time.sleep(0.01)
        return now_s(client) - before_s


def answers(client: redis.Redis) -> bool:
    try:
        return bool(client.ping())
    except redis.ConnectionError:
        return False


def now_s(client: redis.Redis) -> float:
    seconds, microseconds = client.time()
    return seconds + microseconds / 1e6
