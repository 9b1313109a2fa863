"""What is in the image, and what is not."""

from __future__ import annotations

import json
import re
import tomllib

import docker
import pytest

from images.names import BASE

from .conftest import ROOT

ADDED_MB = 110.0
"""What the system adds to its base: 85 MB, of which SQLAlchemy is 29."""

TOOLS = """
import json, os, shutil
from importlib.util import find_spec
from pathlib import Path
print(json.dumps({
    "tools": [n for n in ("cc", "gcc", "ld", "make", "go", "git", "uv", "curl") if shutil.which(n)],
    "packages": [n for n in ("stallproof", "hatchling", "pytest") if find_spec(n)],
    "waste": [str(p) for folder in ("/root/.cache", "/data", "/src", "/tools")
              if Path(folder).is_dir() for p in Path(folder).iterdir()],
}))
"""
USER = """
import json, os
paths = [*os.environ["PATH"].split(":"), "/app", "/data"]
print(json.dumps([[os.getuid(), os.getgid()], [p for p in paths if os.access(p, os.W_OK)]]))
"""


def test_the_harness_image_is_given_all_that_its_wheel_takes() -> None:
    wheel = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]
    context = (ROOT / ".dockerignore").read_text().splitlines()
    copied = (ROOT / "harness" / "Dockerfile").read_text()
    for path in wheel["targets"]["wheel"]["force-include"]:
        assert f"!{path}" in context
        assert re.search(rf"^COPY .*{re.escape(path)} ", copied, re.MULTILINE), path


@pytest.mark.real
@pytest.mark.docker
def test_only_the_system_is_in_it(engine: docker.DockerClient, app: str) -> None:
    said = engine.containers.run(app, ["python", "-c", TOOLS], user="0", remove=True)
    assert json.loads(said) == {"tools": [], "packages": [], "waste": []}


@pytest.mark.real
@pytest.mark.docker
def test_its_user_is_not_root_and_may_write_only_at_home(
    engine: docker.DockerClient, app: str
) -> None:
    said = engine.containers.run(app, ["python", "-c", USER], remove=True)
    assert json.loads(said) == [[10001, 10001], ["/data"]]


@pytest.mark.real
@pytest.mark.docker
def test_it_is_small(engine: docker.DockerClient, app: str) -> None:
    size, base = (engine.images.get(name).attrs["Size"] for name in (app, BASE))
    assert 0 < (size - base) / 1e6 < ADDED_MB


@pytest.mark.real
@pytest.mark.docker
def test_without_a_role_it_ends_with_one_line(engine: docker.DockerClient, app: str) -> None:
    with pytest.raises(docker.errors.ContainerError) as caught:
        engine.containers.run(app, remove=True)
    assert caught.value.exit_status == 2
    assert caught.value.stderr == (
        b"storymimi: SERVICE_TYPE must be one of api, worker; it is not set\n"
    )


def test_every_file_names_the_same_uv() -> None:
    files = ("Makefile", "Dockerfile", "harness/Dockerfile")
    versions = {
        name: re.findall(r"UV_VERSION *:?= *([\d.]+)", (ROOT / name).read_text()) for name in files
    }
    assert len(versions["Makefile"]) == 1
    assert set(map(tuple, versions.values())) == {tuple(versions["Makefile"])}
