"""Stacks: the exact versions that the system runs on, each an environment made by uv and cached.

`locked` is what the harness itself was installed with. Any other is written as pip would
write it, `celery==5.3.6,kombu==5.3.7,redis==5.0.8`; what it does not name stays as it is locked.
"""

from __future__ import annotations

import fcntl
import hashlib
import importlib.metadata
import importlib.util
import json
import os
import re
import shutil
import sys
from pathlib import Path

import msgspec

from stallproof.commands import CommandError, output_of

LOCKED = "locked"
PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"
FAMILY = ("celery", "kombu", "redis", "billiard", "vine", "amqp")
"""Resolved together: pinning one of them must not pin the others to the locked versions."""
INSTALL_DEADLINE_S = 300
ANSWER_DEADLINE_S = 90.0
"""A second is usual; on a machine that is twenty times too busy it took over thirty."""
IMAGE_PYTHON = "python"
VERSIONS = (
    "import importlib.metadata as m, json, platform\n"
    "names = ['celery', 'kombu', 'redis', 'billiard', 'fastapi', 'uvicorn', 'sqlalchemy']\n"
    "print(json.dumps({'python': platform.python_version()}"
    " | {n: m.version(n) for n in names}))"
)
"""A program that says what is in a stack."""


class StackError(Exception):
    """A stack cannot be made: one line, with what uv said."""


class Stack(msgspec.Struct, frozen=True):
    """Exact versions by package name; empty for `locked`."""

    pins: tuple[str, ...] = ()

    @classmethod
    def parse(cls, text: str) -> Stack:
        """Read `locked` or a comma-separated list of `name==version`.

        Raises:
            StackError: not of that form.
        """
        if text == LOCKED:
            return cls()
        pins = tuple(part.strip() for part in text.split(","))
        for pin in pins:
            if not re.fullmatch(r"[A-Za-z0-9_.-]+==[A-Za-z0-9_.+!-]+", pin):
                raise StackError(
                    f"stack {text!r}: {pin!r} is not name==version "
                    "(for example celery==5.3.6,kombu==5.3.7,redis==5.0.8)"
                )
        return cls(pins)

    @property
    def name(self) -> str:
        return ",".join(self.pins) or LOCKED


class Environment(msgspec.Struct, frozen=True, kw_only=True):
    """A stack made ready: what runs it, and what is in it."""

    python: str
    python_path: str | None = None
    image: str | None = None
    """The image that holds it, `python` too; None: this machine does."""
    versions: dict[str, str]


def prepare(stack: Stack, *, cache: Path) -> Environment:
    """Make the stack's environment, or find it in the cache.

    Raises:
        StackError: uv could not make it.
    """
    if not stack.pins:
        return Environment(python=sys.executable, versions=_versions(sys.executable))
    requirements = [*_system_requirements(stack), *stack.pins]
    token = hashlib.sha256("\n".join([PYTHON, *requirements]).encode()).hexdigest()[:16]
    home = cache / "stacks" / token
    home.mkdir(parents=True, exist_ok=True)
    python = home / "env" / "bin" / "python"
    with (home / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (home / "complete").exists():
            shutil.rmtree(home / "env", ignore_errors=True)
            _uv("venv", "--quiet", "--python", sys.executable, str(home / "env"))
            _uv("pip", "install", "--quiet", "--python", str(python), *requirements)
            (home / "complete").touch()
    return Environment(
        python=str(python), python_path=_system_path(home), versions=_versions(str(python))
    )


def _system_requirements(stack: Stack) -> list[str]:
    """What the system itself needs, at the locked versions unless the stack says otherwise."""
    pinned = {pin.partition("==")[0].lower() for pin in stack.pins}
    requirements = []
    for requirement in importlib.metadata.requires("storymimi") or []:
        match = re.match(r"[A-Za-z0-9_.-]+", requirement)
        assert match is not None
        name = match.group().lower()
        if name in FAMILY or name in pinned:
            requirements.append(requirement)
        else:
            extra = re.search(r"\[[^]]+\]", requirement)
            version = importlib.metadata.version(name)
            requirements.append(f"{name}{extra.group() if extra else ''}=={version}")
    return requirements


def _system_path(home: Path) -> str:
    """A folder that holds the system's package and nothing else, for PYTHONPATH."""
    spec = importlib.util.find_spec("storymimi")
    assert spec is not None
    assert spec.submodule_search_locations
    package = Path(spec.submodule_search_locations[0]).resolve()
    folder = home / f"system-{hashlib.sha256(str(package).encode()).hexdigest()[:12]}"
    folder.mkdir(exist_ok=True)
    link = folder / "storymimi"
    if not link.exists():
        # Made under a name of its own first: two runs may come here at once.
        temporary = folder / f".storymimi-{os.getpid()}"
        temporary.symlink_to(package)
        temporary.replace(link)
    return str(folder)


def in_image(image: str) -> Environment:
    """The stack that an image holds, for use under `stallproof.sites.docker.reaper.reaped`.

    Raises:
        StackError: the image does not hold the system.
        SiteError: the engine does not run it.
    """
    from stallproof.sites.docker.ask import ask  # noqa: PLC0415 (half a second)

    try:
        said = ask(image, [IMAGE_PYTHON, "-c", VERSIONS], env={})
    except CommandError as error:
        raise StackError(f"the image {image} does not hold the stack: {error}") from None
    return Environment(python=IMAGE_PYTHON, image=image, versions=json.loads(said))


def _versions(python: str) -> dict[str, str]:
    command = [python, "-c", VERSIONS]
    try:
        said = output_of(command, awaited="its versions", timeout_s=ANSWER_DEADLINE_S)
    except CommandError as error:
        raise StackError(f"{python} does not run the stack: {error}") from None
    versions: dict[str, str] = json.loads(said)
    return versions


def _uv(*arguments: str) -> None:
    """Uv, which is a dependency of ours and so lies beside our own interpreter."""
    try:
        output_of(
            [sys.executable, "-m", "uv", *arguments],
            awaited="it to be done",
            timeout_s=INSTALL_DEADLINE_S,
        )
    except CommandError as error:
        raise StackError(f"uv {arguments[0]} failed: {' '.join(error.said)[-400:]}") from None
