"""The system as docker-compose.test.yml makes it of the image."""

from __future__ import annotations

import time

import pytest

from .compose import TASK_S, Project, wait

pytestmark = [pytest.mark.real, pytest.mark.docker]

PATIENCE_S = 30
"""8 s are usual, 6 of them `worker_soft_shutdown_timeout`, on a machine with nothing else to do.
Whether that fits Cloud Run's ten is asked in tests/system; here, whether SIGTERM arrives at all.
"""


def test_a_story_goes_through_every_proxy(project: Project) -> None:
    story_id = project.post()
    project.wait_done(story_id, timeout_s=TASK_S + 10)
    assert project.ledger(story_id) == [("start", 1), ("end", 1)]

    # Nobody reaches the broker but through Toxiproxy.
    proxies = project.ask("toxiproxy", "/proxies")
    assert set(proxies) == {"api-broker", "api-backend", "worker-broker", "worker-backend"}
    project.ask("toxiproxy", "/proxies/worker-broker", {"enabled": False})
    unreached = project.post()
    with pytest.raises(AssertionError, match="seen: published"):
        project.wait_done(unreached, timeout_s=TASK_S + 2)
    assert project.ledger(unreached) == []
    project.ask("toxiproxy", "/proxies/worker-broker", {"enabled": True})
    project.wait_done(unreached, timeout_s=TASK_S + 30)


def test_docker_stop_lets_the_task_in_hand_end(project: Project) -> None:
    """SIGTERM reaches Celery, which is process 1."""
    worker = project.container("worker")
    assert worker.exec_run(["cat", "/proc/1/cmdline"]).output == b"python\0-m\0storymimi\0"
    story_id = project.post()
    wait(
        lambda: None if project.ledger(story_id) == [("start", 1)] else "no start",
        awaited="the start of the task",
        timeout_s=10,
    )

    began = time.monotonic()
    worker.stop(timeout=PATIENCE_S)
    took_s = time.monotonic() - began

    worker.reload()
    try:
        assert worker.attrs["State"]["ExitCode"] == 0
        assert took_s < PATIENCE_S, "it ended by SIGKILL"
        assert project.ledger(story_id) == [("start", 1), ("end", 1)]
        assert project.status(story_id) == "done"
    finally:
        worker.start()
        project.wait_healthy("worker")
