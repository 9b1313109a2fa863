"""Builds the clock's library from `shim.c`, once for this user and version of the source."""

from __future__ import annotations

import hashlib
import platform
import subprocess
from pathlib import Path

from stallproof.clock.compiler import find_compiler
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
        done = subprocess.run(
            argv,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_BUILD_TIMEOUT_S,
            check=False,
            stdin=subprocess.DEVNULL,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise SiteError(f"the clock's library could not be built: {error}") from error
    if done.returncode != 0:
        errors = [line for line in done.stderr.splitlines() if "error" in line]
        said = errors or [f"{argv[0]} exited with {done.returncode}"]
        raise SiteError(f"the clock's library could not be built: {said[0]}")
