"""The system as deployed: API and worker processes on a real broker."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from typing import Any

import pytest
from celery import Celery

from storymimi import profiles
from storymimi.stories import Store

pytestmark = pytest.mark.real


@pytest.mark.parametrize("profile", ["hardened", "guide-int-keys", "celery-defaults"])
def test_a_posted_story_is_done(deployment: Any, profile: str) -> None:
    api = deployment.start_api(STORYMIMI_PROFILE=profile)
    deployment.start_worker(STORYMIMI_PROFILE=profile)
    assert api.get("/ready").status_code == 200

    story_id = deployment.post(api)

    story = deployment.wait_done(api, story_id, timeout_s=15)
    assert story["text"]
    assert "sha256" in story["picture"]
    assert "sha256" in story["sound"]
    start, end = deployment.ledger(story_id)
    assert (start["event"], start["attempt"]) == ("start", 1)
    assert (end["event"], end["attempt"], end["outcome"]) == ("end", 1, "ok")
    assert end["monotonic_s"] - start["monotonic_s"] >= 0.2
    messages = {line["event"]: line for line in deployment.messages(story_id)}
    assert messages.keys() == {"published", "received"}
    assert {line["task_id"] for line in messages.values()} == {start["task_id"]}
    assert (messages["published"]["service"], messages["received"]["service"]) == ("api", "worker")
    assert messages["received"]["redelivered"] is False


def test_the_guide_to_the_letter_cannot_connect(deployment: Any, wait_until: Any) -> None:
    worker = deployment.start("worker", STORYMIMI_PROFILE="guide")

    wait_until("the worker's end", lambda: worker.process.poll() is not None, timeout_s=60)

    assert worker.process.returncode != 0
    assert b"TypeError: 'str' object cannot be interpreted as an integer" in worker.log.read_bytes()


def test_sigterm_in_the_middle_of_a_task_puts_its_message_back(
    deployment: Any, broker: Any, wait_until: Any
) -> None:
    api = deployment.start_api()
    worker = deployment.start_worker(OFFLINE_DURATION_S="30")
    story_id = deployment.post(api)
    wait_until("the start", lambda: deployment.events(story_id) == ["start"], timeout_s=10)

    began = time.monotonic()
    worker.process.send_signal(signal.SIGTERM)
    worker.process.wait(timeout=10)

    assert time.monotonic() - began < 10
    assert worker.process.returncode == 0
    assert broker.client.llen("story_generation") == 1
    assert broker.client.hlen("unacked") == 0


def test_a_killed_workers_story_runs_again_once_its_lease_is_over(
    deployment: Any, wait_until: Any
) -> None:
    api = deployment.start_api()
    worker = deployment.start_worker(OFFLINE_DURATION_S="30")
    story_id = deployment.post(api)
    wait_until("the start", lambda: deployment.events(story_id) == ["start"], timeout_s=10)

    worker.kill()
    deployment.start_worker()

    deployment.wait_done(api, story_id, timeout_s=20)
    starts = [line for line in deployment.ledger(story_id) if line["event"] == "start"]
    assert [start["attempt"] for start in starts] == [1, 2]
    gap_s = starts[1]["monotonic_s"] - starts[0]["monotonic_s"]
    assert 4 < gap_s < 60, "it began again before a lease of 6 s could end, or long after"


def test_health_tells_of_a_mute_broker_and_of_its_return(
    deployment: Any, broker: Any, wait_until: Any
) -> None:
    worker = deployment.start_worker()
    wait_until("ready", worker.answers("/ready", 200), timeout_s=10)

    broker.process.send_signal(signal.SIGSTOP)
    wait_until("503", worker.answers("/health", 503), timeout_s=30)
    assert worker.get("/health").json()["reason"] == "no progress with the broker"
    broker.process.send_signal(signal.SIGCONT)

    wait_until("200", worker.answers("/health", 200), timeout_s=30)


def test_health_tells_of_a_consumer_that_lives_and_consumes_nothing(
    deployment: Any, wait_until: Any
) -> None:
    worker = deployment.start_worker()
    wait_until("ready", worker.answers("/ready", 200), timeout_s=10)

    remote = Celery(
        broker=deployment.env["REDIS_URL"], broker_transport_options={"socket_timeout": 5}
    )
    for queue in ("story_generation", "default"):
        remote.control.cancel_consumer(queue, reply=True, timeout=5)

    wait_until("503", worker.answers("/health", 503), timeout_s=30)


def test_a_busy_worker_is_not_stalled(deployment: Any, wait_until: Any) -> None:
    api = deployment.start_api()
    worker = deployment.start_worker(OFFLINE_DURATION_S="30")
    for _ in range(3):
        deployment.post(api)
    wait_until("both slots busy", lambda: len(_starts(deployment)) == 2, timeout_s=10)

    # Longer than the limit on silence; the third story waits in the queue all the time.
    deadline = time.monotonic() + 22
    while time.monotonic() < deadline:
        assert worker.get("/health").status_code == 200
        time.sleep(0.5)
    assert len(_starts(deployment)) == 2


def test_a_killed_broker_that_forgets_everything_loses_no_story(
    deployment: Any, broker: Any
) -> None:
    api = deployment.start_api()
    stories = [deployment.post(api) for _ in range(3)]
    broker.stop()
    stories += [deployment.post(api) for _ in range(3)]
    broker.start()
    deployment.start_worker()

    for story_id in stories:
        deployment.wait_done(api, story_id, timeout_s=30)
        assert deployment.events(story_id).count("start") == 1


def test_a_story_that_was_never_published_is_published_by_the_worker(deployment: Any) -> None:
    store = Store(deployment.env["DATABASE_URL"])
    story_id = store.create(title="t", prompt="p", user_id="u", due_in_s=0)
    store.close()
    api = deployment.start_api()
    deployment.start_worker()

    deployment.wait_done(api, story_id, timeout_s=10)

    assert deployment.events(story_id) == ["start", "end"]


def test_a_message_delivered_again_and_again_runs_once(deployment: Any, wait_until: Any) -> None:
    api = deployment.start_api()
    story_id = deployment.post(api)
    sender = Celery(broker=deployment.env["REDIS_URL"])
    for _ in range(3):
        sender.send_task(profiles.TASK, (story_id,), queue="story_generation", ignore_result=True)
    deployment.start_worker(OFFLINE_DURATION_S="1")

    wait_until(
        "three refusals", lambda: deployment.events(story_id).count("skip") == 3, timeout_s=15
    )
    deployment.wait_done(api, story_id, timeout_s=10)
    assert sorted(deployment.events(story_id)) == ["end", "skip", "skip", "skip", "start"]


def test_a_silent_result_backend_does_not_matter(deployment: Any, silent_port: int) -> None:
    backend = {"RESULT_BACKEND_URL": f"redis://127.0.0.1:{silent_port}/0"}
    api = deployment.start_api(**backend)
    deployment.start_worker(**backend)

    deployment.wait_done(api, deployment.post(api), timeout_s=10)


def test_a_fork_waits_until_the_reconciler_is_out_of_the_database() -> None:
    code = """
import os, threading, time
from storymimi.reconciler import Reconciler
lock = Reconciler("sqlite://")._in_database
lock.acquire()
threading.Timer(0.5, lock.release).start()
began = time.monotonic()
pid = os.fork()
if pid == 0:
    os._exit(0 if lock.acquire(timeout=1) else 1)
assert time.monotonic() - began > 0.4, "the fork did not wait"
assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0, "the child's lock is held for ever"
assert lock.acquire(timeout=1), "the parent's lock is held for ever"
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=20)


def _starts(deployment: Any) -> list[str]:
    if not deployment.ledger_path.exists():
        return []
    return [line for line in deployment.ledger_path.read_text().splitlines() if '"start"' in line]
