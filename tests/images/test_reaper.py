"""The reaper: what it understands, and what it removes."""

from __future__ import annotations

import secrets
import socket
import time
from urllib.parse import urlencode

import docker
import pytest
from hypothesis import given
from hypothesis import strategies as st
from testcontainers.core.config import get_docker_socket

from images.reaper.protocol import duration_s, filters_in
from stallproof.sites.images import BROKER, reaper

from .compose import wait

RECONNECTION_S = 1
GONE_TIMEOUT_S = 30.0
"""2 s are usual: the second of the timeout, and the removal."""

words = st.text(st.characters(codec="ascii", categories=["L", "N"]), min_size=1)


def test_what_testcontainers_sends_is_understood() -> None:
    assert filters_in(b"label=org.testcontainers.session-id=3f6b\r\n") == {
        "label": ("org.testcontainers.session-id=3f6b",)
    }


@given(st.lists(st.tuples(words, words), min_size=1))
def test_every_label_of_a_line_counts(labels: list[tuple[str, str]]) -> None:
    line = urlencode([("label", f"{key}={value}") for key, value in labels])
    assert filters_in(line.encode()) == {"label": tuple(f"{key}={value}" for key, value in labels)}


@pytest.mark.parametrize(
    "line", [b"\n", b"label=\n", b"label==\n", b"label\n", b"status=exited\n", b"label=a&name=b\n"]
)
def test_a_line_that_would_fit_more_than_a_session_is_refused(line: bytes) -> None:
    with pytest.raises(ValueError, match="is not of the form label=KEY=VALUE"):
        filters_in(line)


@pytest.mark.parametrize(
    ("text", "seconds"), [("10s", 10), ("1m30s", 90), ("500ms", 0.5), ("1h", 3600), ("1.5s", 1.5)]
)
def test_durations(text: str, seconds: float) -> None:
    assert duration_s(text) == seconds


@pytest.mark.parametrize("text", ["", "10", "s", "-1s", "10s ", "1d"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not a duration"):
        duration_s(text)


@pytest.mark.real
@pytest.mark.docker
def test_the_end_of_the_last_connection_removes_the_session_and_nothing_else(
    engine: docker.DockerClient,
) -> None:
    mine, other = (f"stallproof.test={secrets.token_hex(4)}" for _ in range(2))
    container = start_reaper(engine)
    try:
        for label in (mine, other):
            populate(engine, label)
        with connect(container) as first, connect(container) as second:
            for connection in (first, second):
                connection.sendall(f"label={mine}\n".encode())
                assert connection.recv(64) == b"ACK\n"
            first.close()
            time.sleep(RECONNECTION_S + 0.5)  # nothing may happen: there is no event to await
            assert len(labelled(engine, mine)) == 3, "somebody was still connected"
        wait(
            lambda: ", ".join(labelled(engine, mine)) or None,
            awaited="the removal of the session",
            timeout_s=GONE_TIMEOUT_S,
        )
        assert len(labelled(engine, other)) == 3
        assert container.wait(timeout=10)["StatusCode"] == 0
    finally:
        container.remove(force=True)
        for label in (mine, other):
            remove(engine, label)


def start_reaper(engine: docker.DockerClient) -> docker.models.containers.Container:
    container = engine.containers.run(
        reaper(),
        detach=True,
        ports={"8080/tcp": ("127.0.0.1", None)},
        volumes={get_docker_socket(): {"bind": "/var/run/docker.sock", "mode": "rw"}},
        environment={"RYUK_RECONNECTION_TIMEOUT": f"{RECONNECTION_S}s"},
    )
    wait(
        lambda: None if b" Started!" in container.logs() else container.logs().decode(),
        awaited="the reaper's start",
        timeout_s=20,
    )
    return container


def connect(container: docker.models.containers.Container) -> socket.socket:
    container.reload()
    (binding,) = container.attrs["NetworkSettings"]["Ports"]["8080/tcp"]
    return socket.create_connection(("127.0.0.1", int(binding["HostPort"])), timeout=5)


def populate(engine: docker.DockerClient, label: str) -> None:
    """A container in a network, with a volume: each holds the next for as long as it lives."""
    key, value = label.split("=")
    labels, name = {key: value}, f"test-{value}"
    volume = engine.volumes.create(name, labels=labels)
    network = engine.networks.create(name, labels=labels)
    engine.containers.run(
        BROKER,
        detach=True,
        labels=labels,
        network=network.name,
        volumes={volume.name: {"bind": "/data", "mode": "rw"}},
    )


def labelled(engine: docker.DockerClient, label: str) -> list[str]:
    fit = {"label": label}
    containers = engine.containers.list(all=True, filters=fit, ignore_removed=True)
    networks = engine.networks.list(filters=fit)
    volumes = engine.volumes.list(filters=fit)
    return [found.name for found in (*containers, *networks, *volumes)]


def remove(engine: docker.DockerClient, label: str) -> None:
    fit = {"label": label}
    for container in engine.containers.list(all=True, filters=fit, ignore_removed=True):
        container.remove(force=True, v=True)
    for network in engine.networks.list(filters=fit):
        network.remove()
    for volume in engine.volumes.list(filters=fit):
        volume.remove()
