"""The API as a process: what it answers when the broker is well, gone or silent."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx2
import pytest

pytestmark = pytest.mark.real

GOOD = {
    "title": "Test Story",
    "prompt": "A magical adventure",
    "user_id": "9a0a594c-2699-400b-89e0-4a4ef78ced97",
}


@pytest.fixture(params=["refused", "silent", "blackhole"])
def dead_broker(request: pytest.FixtureRequest) -> str:
    """The URL of a broker that refuses, accepts without a word, or never answers a connect."""
    if request.param == "refused":
        return "redis://user:s3cret@127.0.0.1:1/0"
    port = request.getfixturevalue(f"{request.param}_port")
    return f"redis://user:s3cret@127.0.0.1:{port}/0"


def test_a_post_is_accepted_in_time_whatever_the_broker_does(
    deploy_on: Callable[[str], Any], dead_broker: str
) -> None:
    api = deploy_on(dead_broker).start_api()

    def post() -> tuple[int, str, float]:
        began = time.monotonic()
        answer = httpx2.post(f"{api.url}/stories/", json=GOOD, timeout=20)
        return answer.status_code, answer.json()["status"], time.monotonic() - began

    # More at once than the server has threads: none may wait for another's timeout.
    with ThreadPoolExecutor(60) as clients:
        answers = list(clients.map(lambda _: post(), range(60)))
    answers += [post() for _ in range(3)]

    assert {(status, story) for status, story, _ in answers} == {(202, "pending")}
    assert max(took_s for _, _, took_s in answers) < 5
    assert b"s3cret" not in api.log.read_bytes()


def test_ready_says_no_within_two_seconds(
    deploy_on: Callable[[str], Any], dead_broker: str
) -> None:
    api = deploy_on(dead_broker).start_api()

    began = time.monotonic()
    answer = api.get("/ready")

    assert time.monotonic() - began < 2
    assert answer.status_code == 503
    assert "broker" in answer.json()["reason"]
    assert "s3cret" not in answer.text
    assert api.get("/health").status_code == 200


def test_without_the_outbox_a_broker_that_refuses_is_a_503_and_a_failed_story(
    deploy_on: Callable[[str], Any],
) -> None:
    deployment = deploy_on("redis://127.0.0.1:1/0")
    # Without task_ignore_result a dead result backend alone holds the request for 20 s.
    api = deployment.start_api(
        STORYMIMI_PROFILE="celery-defaults",
        STORYMIMI_SET='{"broker_transport_options.max_retries": 1, "task_publish_retry": false,'
        ' "broker_transport_options.interval_start": 0, "task_ignore_result": true}',
    )

    assert httpx2.post(f"{api.url}/stories/", json=GOOD, timeout=60).status_code == 503
    database = sqlite3.connect(deployment.directory / "stories.db")
    assert database.execute("SELECT status FROM stories").fetchall() == [("failed",)]
    database.close()


@pytest.mark.parametrize(
    ("change", "field"),
    [({"user_id": "me"}, "user_id"), ({"prompt": ""}, "prompt"), ({"title": None}, "title")],
)
def test_bad_input_is_refused_by_the_name_of_its_field(
    deployment: Any, change: dict[str, Any], field: str
) -> None:
    api = deployment.start_api()

    answer = httpx2.post(f"{api.url}/stories/", json=GOOD | change, timeout=10)

    assert answer.status_code == 422
    assert answer.json()["detail"][0]["loc"] == ["body", field]


def test_an_unknown_story_is_not_found(deployment: Any) -> None:
    api = deployment.start_api()

    assert api.get("/stories/9a0a594c-2699-400b-89e0-4a4ef78ced97").status_code == 404
    assert api.get("/stories/no-uuid").status_code == 404


def test_a_store_that_fails_is_a_503(deployment: Any) -> None:
    api = deployment.start_api()
    with sqlite3.connect(deployment.directory / "stories.db") as database:
        database.execute("DROP TABLE stories")
    database.close()

    assert httpx2.post(f"{api.url}/stories/", json=GOOD, timeout=20).status_code == 503
    assert api.get("/stories/x").status_code == 503


def test_a_connection_that_was_reset_while_idle_costs_nothing(deployment: Any, broker: Any) -> None:
    api = deployment.start_api()
    deployment.post(api)
    broker.client.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")

    answer = httpx2.post(f"{api.url}/stories/", json=GOOD, timeout=10)

    assert answer.json()["status"] == "published"
