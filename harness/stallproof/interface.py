"""What the harness asks the system itself: which profiles it has, and what is in force in one."""

from __future__ import annotations

import os
from collections.abc import Mapping

import msgspec

from stallproof.commands import CommandError, output_of
from stallproof.records import Setting
from stallproof.stacks import ANSWER_DEADLINE_S, Environment


class InterfaceError(Exception):
    """The system did not answer a question about itself: one line."""


class Settings(msgspec.Struct, frozen=True):
    """A profile as the system reads it."""

    profile: str
    settings: tuple[Setting, ...]
    worker_args: tuple[str, ...]


def profiles(environment: Environment) -> list[str]:
    """The profiles that the system has.

    Raises:
        InterfaceError: it did not say.
    """
    return msgspec.json.decode(_ask(environment, "profiles", env={}), type=list[str])


def settings(environment: Environment, profile: str, *, env: Mapping[str, str]) -> Settings:
    """The settings in force under `profile`, with the overrides in `env`.

    Raises:
        InterfaceError: it did not say.
    """
    return msgspec.json.decode(_ask(environment, "settings", profile, env=env), type=Settings)


def _ask(environment: Environment, *question: str, env: Mapping[str, str]) -> str:
    command = [environment.python, "-m", "storymimi", *question]
    try:
        if environment.image is not None:
            from stallproof.sites.docker.ask import ask  # noqa: PLC0415 (half a second)

            return ask(environment.image, command, env=env)
        path = {"PYTHONPATH": environment.python_path} if environment.python_path else {}
        own = {"PATH": os.environ.get("PATH", ""), **path, **env}
        return output_of(command, awaited="its answer", timeout_s=ANSWER_DEADLINE_S, env=own)
    except CommandError as error:
        asked = " ".join(question)
        raise InterfaceError(f"the system did not answer {asked!r}: {error}") from None
