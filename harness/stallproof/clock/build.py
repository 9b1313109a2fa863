"""Builds the clock's library from `shim.c`, once for this user and version of the source."""

from __future__ import annotations

import hashlib
import platform
from pathlib import Path

from stallproof.clock.compiler import find_compiler
from stallproof.commands import CommandError, output_of
from stallproof.sites.base import SiteError
from stallproof.toxiproxy_build import cache_dir, locked

SOURCE = Path(__file__).with_name("shim.c")
FLAGS = ("-std=gnu11", "-O2", "-fPIC", "-shared", "-fvisibility=hidden", "-Wall", "-Wextra")
_BUILD_TIMEOUT_S = 300.0
"""A second is usual with cc. Zig's first use on a machine is five seconds of work."""


def find_shim() -> str:
    """The library's path, built if need be. Runs at the same time build it once.

    Raises:
        SiteError: there is no compiler, or the build failed.
    """
    source = SOURCE.read_bytes()
    digest = hashlib.sha256(source + platform.machine().encode() + repr(FLAGS).encode())
    folder = cache_dir() / f"clock-{digest.hexdigest()[:12]}"
    shim = folder / "shim.so"
    if shim.is_file():
        return str(shim)
    folder.mkdir(parents=True, exist_ok=True)
    with locked(folder / "lock"):
        if not shim.is_file():
            unfinished = folder / "unfinished.so"  # of a builder that was killed: overwritten
            _compile(unfinished)
            unfinished.replace(shim)
    return str(shim)


def _compile(target: Path) -> None:
    argv = [*find_compiler(), *FLAGS, "-o", str(target), str(SOURCE), "-ldl"]
    try:
        output_of(argv, awaited="its compiler", timeout_s=_BUILD_TIMEOUT_S)
    except CommandError as error:
        why = next((line for line in error.said if "error" in line), str(error))
        raise SiteError(f"the clock's library could not be built: {why}") from error
