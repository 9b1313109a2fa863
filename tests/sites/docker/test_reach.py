"""In which containers the harness finds itself, told from what an engine answers."""

from __future__ import annotations

import socket
from dataclasses import dataclass, field
from typing import Any

import docker.errors
import pytest

from stallproof.sites.base import SiteError
from stallproof.sites.docker import reach
from stallproof.sites.docker.network import Plan

NAME = socket.gethostname()


@dataclass
class Engine:
    """What `docker.DockerClient` shows of one container, or of none."""

    found: dict[str, Any] | None
    id: str = "full-id"
    containers: Any = field(init=False)

    def __post_init__(self) -> None:
        self.containers = self

    def get(self, name: str) -> Engine:
        if self.found is None:
            raise docker.errors.NotFound(name)
        return self

    @property
    def attrs(self) -> dict[str, Any]:
        assert self.found is not None
        return self.found


def container(*, hostname: str = NAME, mode: str = "bridge") -> dict[str, Any]:
    return {"Config": {"Hostname": hostname}, "HostConfig": {"NetworkMode": mode}}


@pytest.mark.parametrize(
    ("found", "own"),
    [
        (None, None),
        (container(), "full-id"),
        (container(mode="cloudbuild"), "full-id"),
        (container(hostname="a-name-alike"), None),
        (container(mode="host"), None),
        (container(mode="container:other"), None),
    ],
)
def test_which_container_would_join(found: dict[str, Any] | None, own: str | None) -> None:
    assert reach._own_container(Engine(found)) == own  # type: ignore[arg-type]


def test_an_address_that_answers_nothing_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    def silent(*_: object, **__: object) -> socket.socket:
        raise TimeoutError("timed out")

    monkeypatch.setattr(socket, "create_connection", silent)
    says = r"^docker: 198\.18\.7\.5 on the run's network cannot be reached from here \(timed out\)"
    with pytest.raises(SiteError, match=says):
        reach.check(Plan(name="n", net="198.18.7"))


def test_an_address_that_refuses_is_reached() -> None:
    reach.check(Plan(name="n", net="127.0.0"))  # nobody listens on port 1 of 127.0.0.5
