"""Compose at the command line: which one there is, and what it says when it fails."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from pytest_docker.plugin import DockerComposeExecutor

from stallproof.commands import CommandError, output_of
from stallproof.shipped import shipped
from stallproof.sites.base import SiteError

COMMANDS = ("docker compose", "docker-compose")
"""Compose v2 (a plugin of Docker's command line), and v1."""
_ASK_TIMEOUT_S = 20.0
_TIMEOUT_S = 90
"""For Compose to create a project, or to remove it. 1 to 3 s are usual."""
_TIMED_OUT = "returned 124:"
"""timeout(1)'s exit code, in the words of pytest-docker."""


class ComposeError(SiteError):
    """Compose failed. `said` is all of its output."""

    def __init__(self, text: str, *, said: str) -> None:
        super().__init__(text)
        self.said = said


def find_command() -> str:
    """The Compose that answers; v2 if both do.

    Raises:
        SiteError: neither does.
    """
    for command in COMMANDS:
        if answers(command):
            return command
    raise SiteError(
        "compose: neither `docker compose` nor `docker-compose` answers: install Compose (v2 is "
        "Docker's plugin docker-compose-plugin; Debian's docker-compose will do, too)"
    )


def answers(command: str) -> bool:
    """Whether that Compose is there."""
    try:
        output_of([*command.split(), "version"], awaited="its version", timeout_s=_ASK_TIMEOUT_S)
    except CommandError:
        return False
    return True


def default_file() -> Path:
    """docker-compose.test.yml of the source checkout, else the copy in the installed package."""
    name = "docker-compose.test.yml"
    return shipped(name, within=f"_compose/{name}")


class Compose:
    """Compose for one project of one file."""

    def __init__(self, command: str, *, file: Path, project: str) -> None:
        self._executor = DockerComposeExecutor(
            f"timeout {_TIMEOUT_S} {command}", str(file), project
        )

    def do(self, subcommand: str) -> None:
        """`docker compose SUBCOMMAND`, with the variables of the file as they are `exported`.

        Raises:
            ComposeError: it fails, or takes too long.
        """
        try:
            self._executor.execute(subcommand)
        except Exception as error:  # noqa: BLE001 (what pytest-docker raises is nothing narrower)
            raise _explained(subcommand, str(error)) from None


def _explained(subcommand: str, said: str) -> ComposeError:
    quoted = re.search(r'"""(.*)"""', said, re.DOTALL)
    lines = [line.strip() for line in (quoted[1] if quoted else said).splitlines() if line.strip()]
    last = lines[-1] if lines else "nothing"
    if _TIMED_OUT in said:
        text = f"compose: waited {_TIMEOUT_S} s for {subcommand!r}; it last said: {last}"
    else:
        text = f"compose: {subcommand!r} failed: {last}"
    return ComposeError(text, said=said)


@contextmanager
def exported(variables: Mapping[str, str]) -> Iterator[None]:
    """Variables of the file, in this process's environment: Compose takes them from nowhere else
    that it would not also take a person's from.
    """
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
