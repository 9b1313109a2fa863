"""An engine, the image built from the Dockerfile as it stands, and the system made of it."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from pathlib import Path

import docker
import pytest
from pytest_docker.plugin import Services
from testcontainers.core.labels import SESSION_ID

import images.docker
from images import trusting
from images.names import BASE
from stallproof.sites.compose.command import COMMANDS, answers, exported
from stallproof.sites.docker.network import candidates
from stallproof.sites.docker.reaper import reaped
from stallproof.sites.images import APP

from .compose import TASK_S, Project, leftovers

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def engine() -> Iterator[docker.DockerClient]:
    """One that answers; where none does, tests/conftest.py leaves these tests out."""
    client = docker.from_env()
    yield client
    client.close()


@pytest.fixture(scope="session")
def app(engine: docker.DockerClient) -> str:
    """The image as the Dockerfile makes it now; from Docker's cache where nothing has changed."""
    images.docker.build(APP, ROOT, args={"BASE": BASE, "BUILD_BASE": trusting.base()})
    assert engine.images.get(APP).labels["org.opencontainers.image.title"] == "storymimi"
    return APP


# What follows fills in pytest-docker's fixtures, so that `docker_services` is the project, up.


@pytest.fixture(scope="session", params=COMMANDS)
def docker_compose_command(request: pytest.FixtureRequest) -> str:
    """Each Compose that is installed."""
    if not answers(request.param):
        pytest.skip(f"left out: {request.param} is not installed")
    return str(request.param)


@pytest.fixture(scope="session")
def docker_compose_file() -> str:
    return str(ROOT / "docker-compose.test.yml")


@pytest.fixture(scope="session")
def docker_compose_project_name(
    docker_compose_command: str, engine: docker.DockerClient
) -> Iterator[str]:
    """A name of its own; once the project is down, nothing bears it."""
    name = f"stallprooftest{secrets.token_hex(4)}"
    yield name
    assert leftovers(engine, name) == [], f"after {docker_compose_command} down"


@pytest.fixture(scope="session")
def docker_setup(engine: docker.DockerClient, app: str) -> Iterator[list[str]]:
    """Up on whatever ports are free and a network that is; Ryuk removes it if we are killed."""
    taken = {
        pool["Subnet"]
        for network in engine.networks.list()
        for pool in network.attrs["IPAM"]["Config"] or []
    }
    settings = {
        "STORYMIMI_IMAGE": app,
        "OFFLINE_DURATION_S": str(TASK_S),
        "NET": next(net for net in candidates() if f"{net}.0/24" not in taken),
        "STALLPROOF_SESSION": SESSION_ID,
        **{f"{service}_PORT": "0" for service in ("API", "WORKER", "TOXIPROXY")},
    }
    with reaped(), exported(settings):
        yield ["up --detach"]


@pytest.fixture(scope="session")
def docker_cleanup() -> list[str]:
    return ["down --volumes --timeout 2"]


@pytest.fixture(scope="session")
def project(
    docker_services: Services, docker_compose_project_name: str, engine: docker.DockerClient
) -> Project:
    """The system in the file, every part of it healthy."""
    made = Project(docker_services, name=docker_compose_project_name, engine=engine)
    for service in ("broker-host", "broker", "api", "worker"):
        made.wait_healthy(service)
    return made
