"""What the broker holds, read from a real one that kombu has filled."""

from __future__ import annotations

import base64
import json
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anyio
import kombu
import pytest
import redis

from stallproof import holdings as reading
from stallproof.holdings import holdings
from stallproof.messages import Holdings, Message, read_message, read_unacked
from stallproof.parts import find_broker
from stallproof.sites.brokers import BrokerControl
from stallproof.sites.waiting import wait_until


def envelope(*args: object, **headers: object) -> str:
    body = base64.b64encode(json.dumps([args, {}, {}]).encode()).decode()
    return json.dumps({"body": body, "headers": headers, "properties": {}})


def test_a_message_names_its_story_and_its_task() -> None:
    found = read_message(envelope("s1", id="t1", redelivered=True))
    assert found == Message(story_id="s1", task_id="t1", redelivered=True)
    assert read_unacked(f'[{envelope("s1", id="t1")}, "", "celery"]').story_id == "s1"


@pytest.mark.parametrize(
    "raw",
    [
        "",
        "no JSON",
        "[]",
        '{"body": 1}',
        '{"body": "no base64!"}',
        '{"body": "AAAA"}',
        '{"body": "W10="}',  # []
        '{"body": "' + base64.b64encode(b"[[7], {}, {}]").decode() + '"}',
        '{"body": "' + base64.b64encode(b"\xff\xfe").decode() + '"}',
        "[" * 100_000,
        envelope("s1", id=5),
    ],
)
def test_what_is_no_message_of_ours_is_unreadable(raw: str) -> None:
    assert read_message(raw) == Message()
    assert read_unacked(raw) == Message()
    assert read_unacked(f'[{raw}, "", "celery"]') == Message()


class Server:
    """A broker on a Unix socket."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "b.sock"
        options = ["--port", "0", "--unixsocket", str(self.path), "--save", ""]
        self.process = subprocess.Popen(
            [find_broker().path, *options, "--dir", str(folder)], stdout=subprocess.DEVNULL
        )
        self.client = redis.Redis(unix_socket_path=str(self.path))
        wait_until(self._problem, awaited="PONG", timeout_s=10)
        where = {"unix_socket_path": str(self.path)}
        self.control = BrokerControl(where, password="", links={})

    def _problem(self) -> str | None:
        try:
            self.client.ping()
        except redis.ConnectionError as error:
            return str(error)
        return None

    def held(self) -> Holdings:
        return anyio.run(holdings, self.control)

    def close(self) -> None:
        self.client.close()
        self.process.kill()
        self.process.wait(timeout=5)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    server = Server(tmp_path)
    yield server
    server.close()


def publish(connection: kombu.Connection, story_id: str, **more: Any) -> None:
    queue = kombu.Queue("stories", routing_key="stories")
    body = [[story_id], {}, {"callbacks": None}]
    connection.Producer().publish(
        body, serializer="json", routing_key="stories", declare=[queue], **more
    )


@pytest.mark.real
def test_queues_and_unacked_by_name(server: Server) -> None:
    before_s = time.time()
    with kombu.Connection(f"redis+socket://{server.path}") as connection:
        for story_id in ("s1", "s2", "s3"):
            publish(connection, story_id, headers={"id": f"t-{story_id}"})
        publish(connection, "s4", priority=3)
        connection.SimpleQueue("stories").get(timeout=5)
        held = server.held()
        assert [m.story_id for m in held.waiting if not m.priority] == ["s2", "s3"]
        assert [(m.queue, m.story_id) for m in held.waiting if m.priority == 3] == [
            ("stories", "s4")
        ]
        (unacked,) = held.unacked
        assert (unacked.story_id, unacked.task_id) == ("s1", "t-s1")
        assert unacked.delivered_s is not None
        assert before_s <= unacked.delivered_s <= time.time()
        assert (held.unreadable, held.not_read, held.unseen) == (0, 0, None)
        assert held.keys > 0
    # Closing the connection puts back what was not acknowledged.
    (back,) = [m for m in server.held().waiting if m.story_id == "s1"]
    assert back.redelivered


@pytest.mark.real
def test_mangled_messages_are_counted(server: Server) -> None:
    too_long = envelope("long", padding="x" * reading.MESSAGE_AT_MOST_B)
    server.client.lpush(b"caf\xe9", b"\xff\xfe", "no JSON", too_long, envelope("good"))
    server.client.hset("unacked", mapping={"tag": b"\x80", "other": "[]"})
    server.client.lpush("1.reply.celery.pidbox", "an answer")
    held = server.held()
    assert [m.story_id for m in held.waiting] == [None, None, None, "good"]
    assert {m.queue for m in held.waiting} == {"caf?"}
    assert [m.delivered_s for m in held.unacked] == [None, None]
    assert held.unreadable == 5


@pytest.mark.real
def test_what_is_beyond_the_limit_is_counted(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "MESSAGES_AT_MOST", 3)
    server.client.lpush("stories", *(envelope(f"s{i}") for i in range(5)))
    server.client.hset("unacked", "tag", "[]")
    held = server.held()
    assert [m.story_id for m in held.waiting] == ["s0", "s1", "s2"]
    assert (held.unacked, held.not_read) == ((), 3)


@pytest.mark.real
def test_a_broker_that_cannot_be_read_says_why(server: Server) -> None:
    server.client.set("unacked", "not a hash")
    refused = server.held()
    assert refused.unseen is not None
    assert "WRONGTYPE" in refused.unseen
    server.process.kill()
    server.process.wait(timeout=5)
    down = server.held()
    assert down.unseen is not None
    assert down.unseen.startswith("ConnectionError")
