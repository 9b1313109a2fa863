"""The few things asked of the engine, through its command line."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path

from stallproof.commands import CommandError, output_of

PULL_TIMEOUT_S = 300.0
"""A hundred megabytes over a slow line. A registry that is out of reach says so at once."""
BUILD_TIMEOUT_S = 900.0
_ASK_TIMEOUT_S = 30.0


class ImageError(Exception):
    """An image cannot be had. `str()` is one line: what, and what to do."""


def engine_version() -> str:
    """The engine's version.

    Raises:
        ImageError: none answers.
    """
    return _docker("version", "--format", "{{.Server.Version}}", timeout_s=_ASK_TIMEOUT_S).strip()


def labels_of(name: str) -> Mapping[str, str] | None:
    """The image's labels; None where there is no such image."""
    try:
        said = _docker(
            *("image", "inspect", "--format", "{{json .Config.Labels}}", name),
            timeout_s=_ASK_TIMEOUT_S,
        )
    except ImageError:
        return None
    labels: dict[str, str] = json.loads(said) or {}
    return labels


def size_mb(name: str) -> float:
    """What it takes on disk, shared layers included, in MB of a million bytes."""
    said = _docker("image", "inspect", "--format", "{{.Size}}", name, timeout_s=_ASK_TIMEOUT_S)
    return int(said) / 1e6


def pull(name: str) -> str | None:
    """Fetch it from its registry; else why not."""
    try:
        _docker("pull", "--quiet", name, timeout_s=PULL_TIMEOUT_S)
    except ImageError as error:
        return str(error)
    return None


def build(
    name: str,
    context: Path,
    *,
    file: Path | None = None,
    args: Mapping[str, str] | None = None,
    labels: Mapping[str, str] | None = None,
) -> None:
    """`docker build`.

    Raises:
        ImageError: with the builder's last lines.
    """
    options = ["--file", str(file)] if file is not None else []
    for key, value in (args or {}).items():
        options += ["--build-arg", f"{key}={value}"]
    for key, value in (labels or {}).items():
        options += ["--label", f"{key}={value}"]
    _docker("build", "--tag", name, *options, str(context), timeout_s=BUILD_TIMEOUT_S)


def import_tarball(name: str, tarball: Path, *, changes: list[str]) -> None:
    """Make an image of one layer from a file system.

    Raises:
        ImageError: the engine does not take it.
    """
    options = [text for change in changes for text in ("--change", change)]
    _docker("import", *options, str(tarball), name, timeout_s=BUILD_TIMEOUT_S)


def _docker(*arguments: str, timeout_s: float) -> str:
    if shutil.which("docker") is None:
        raise ImageError("the command docker is missing: install Docker's command line")
    try:
        return output_of(["docker", *arguments], awaited="it to be done", timeout_s=timeout_s)
    except CommandError as error:
        # A builder says last which command of the file failed, and before that what it said.
        said = " | ".join(error.said[-2:])
        raise ImageError(f"docker {arguments[0]}: {said}") from None
