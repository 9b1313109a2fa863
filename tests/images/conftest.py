"""An engine, the image built from the Dockerfile as it stands, and the system made of it."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import docker
import pytest

import images.docker
from images import trusting
from images.names import BASE
from stallproof.sites.images import APP

from .compose import Project

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


@pytest.fixture(scope="session", params=["docker compose", "docker-compose"])
def project(
    request: pytest.FixtureRequest, engine: docker.DockerClient, app: str
) -> Iterator[Project]:
    """docker-compose.test.yml, up, under each Compose that is installed."""
    command = request.param.split()
    if (
        shutil.which(command[0]) is None
        or subprocess.run(
            [*command, "version"], capture_output=True, timeout=10, check=False
        ).returncode
    ):
        pytest.skip(f"left out: {request.param} is not installed")
    made = Project(command, image=app, file=ROOT / "docker-compose.test.yml", engine=engine)
    try:
        made.up()
        yield made
    finally:
        made.down()
    assert made.leftovers() == []
