"""The base's stand-in: Debian with its Python, and nothing else that can be done without."""

from __future__ import annotations

import os
import shutil
import tarfile
import tempfile
from pathlib import Path

from images import docker
from images.names import STAND_IN_LABEL
from stallproof.commands import CommandError, output_of
from stallproof.toxiproxy_build import cache_dir

SUITE = "bookworm"
PACKAGES = ("ca-certificates", "python3", "python3-pip")
HOLDS = f"Debian {SUITE} by debootstrap, with Debian's Python 3.11 instead of 3.12"
MIRROR = "http://deb.debian.org/debian"
_TIMEOUT_S = 600.0
"""50 s are usual."""
_UNNEEDED = (
    "usr/share/doc",
    "usr/share/man",
    "usr/share/locale",
    "usr/share/info",
    "usr/share/lintian",
    "usr/share/i18n",
    "var/lib/apt/lists",
    "var/cache/apt",
    "var/log",
)


def build(name: str) -> None:
    """Import it from this user's cache, made with debootstrap the first time.

    Raises:
        ImageError: debootstrap is missing, fails, or this is not root.
    """
    tarball = cache_dir() / "images" / f"{SUITE}-{'-'.join(PACKAGES)}.tar"
    if not tarball.is_file():
        _bootstrap(tarball)
    docker.import_tarball(
        name, tarball, changes=['CMD ["python3"]', f"LABEL {STAND_IN_LABEL}={HOLDS!r}"]
    )


def _bootstrap(tarball: Path) -> None:
    if shutil.which("debootstrap") is None or os.geteuid() != 0:
        raise docker.ImageError(
            "a stand-in for the base needs debootstrap and root: install the package debootstrap, "
            "or make the registry reachable"
        )
    tarball.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=tarball.parent, prefix="base-") as folder:
        root = Path(folder) / "root"
        _run(
            *("debootstrap", "--variant=minbase", f"--include={','.join(PACKAGES)}"),
            *(SUITE, str(root), os.environ.get("DEBIAN_MIRROR", MIRROR)),
        )
        for unneeded in _UNNEEDED:
            shutil.rmtree(root / unneeded, ignore_errors=True)
            (root / unneeded).mkdir(parents=True)
        # As in the image that it stands for: `python`, and a pip that may install.
        (root / "usr/bin/python").symlink_to("python3")
        for marker in root.glob("usr/lib/python3*/EXTERNALLY-MANAGED"):
            marker.unlink()
        half = Path(folder) / "base.tar"
        with tarfile.open(half, "w") as archive:
            archive.add(root, arcname=".", filter=_without_bytecode)
        half.replace(tarball)  # atomic: nobody ever imports half a system


def _without_bytecode(member: tarfile.TarInfo) -> tarfile.TarInfo | None:
    return None if "__pycache__" in member.name else member


def _run(*argv: str) -> None:
    try:
        output_of(argv, awaited="it to be done", timeout_s=_TIMEOUT_S)
    except CommandError as error:
        raise docker.ImageError(f"{argv[0]}: {error}") from None
