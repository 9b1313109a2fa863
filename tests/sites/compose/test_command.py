"""Compose at the command line: which is taken, and what its failures come to."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from stallproof.sites.base import SiteError
from stallproof.sites.compose import command
from stallproof.sites.compose.command import Compose, ComposeError, exported, find_command

NONE = r"^compose: neither `docker compose` nor `docker-compose` answers: install Compose"


@pytest.fixture
def bin_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only folder with commands, but for those of the shell and timeout(1)."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in ("sh", "timeout", "sleep"):
        (folder / name).symlink_to(f"/usr/bin/{name}")
    monkeypatch.setenv("PATH", str(folder))
    return folder


def script(path: Path, text: str) -> None:
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)


def compose_of(folder: Path) -> Compose:
    return Compose("docker-compose", file=folder / "file with spaces.yml", project="p")


def test_v2_is_preferred_and_v1_will_do(bin_dir: Path) -> None:
    with pytest.raises(SiteError, match=NONE) as refused:
        find_command()
    assert "\n" not in str(refused.value)
    script(bin_dir / "docker-compose", "exit 0")
    assert find_command() == "docker-compose"
    script(bin_dir / "docker", """echo "docker: 'compose' is not a docker command"; exit 1""")
    assert find_command() == "docker-compose"
    script(bin_dir / "docker", "exit 0")
    assert find_command() == "docker compose"


def test_what_it_is_called_with(bin_dir: Path) -> None:
    script(bin_dir / "docker-compose", f'printf "%s|" "$@" > {bin_dir}/called')
    compose_of(bin_dir).do("down --volumes")
    assert (bin_dir / "called").read_text() == (
        f"-f|{bin_dir}/file with spaces.yml|-p|p|down|--volumes|"
    )


def test_a_failure_is_its_last_line(bin_dir: Path) -> None:
    script(bin_dir / "docker-compose", "echo Creating network; echo Pool overlaps >&2; exit 1")
    with pytest.raises(ComposeError) as failed:
        compose_of(bin_dir).do("up")
    assert str(failed.value) == "compose: 'up' failed: Pool overlaps"
    assert "Creating network" in failed.value.said


def test_it_has_a_deadline(bin_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "_TIMEOUT_S", 1)
    script(bin_dir / "docker-compose", "echo Pulling; exec sleep 60")
    with pytest.raises(SiteError, match=r"^compose: waited 1 s for 'up'; it last said: Pulling$"):
        compose_of(bin_dir).do("up")


def test_variables_are_put_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("THERE", "before")
    monkeypatch.delenv("NOT_THERE", raising=False)
    with exported({"THERE": "during", "NOT_THERE": "during"}):
        assert (os.environ["THERE"], os.environ["NOT_THERE"]) == ("during", "during")
    assert os.environ["THERE"] == "before"
    assert "NOT_THERE" not in os.environ
