"""A C compiler: `cc` from PATH; where there is none, zig's, fetched once for this user and version.

zig comes as the package `ziglang`, of 100 MB: too much to be a dependency of everybody who has cc.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path

from stallproof.commands import CommandError, output_of
from stallproof.sites.base import SiteError
from stallproof.toxiproxy_build import cache_dir, locked

ZIG_VERSION = "0.17.1"
_FETCH_TIMEOUT_S = 300.0
"""Five seconds are usual; a slow network gets five minutes."""


def find_compiler(*, fetch: bool = True) -> list[str]:
    """The command of a C compiler: `cc` from PATH, else the cached zig, else a fetched one.

    Raises:
        SiteError: there is none and none could be fetched (or was to be).
    """
    if found := shutil.which("cc"):
        return [found]
    folder = cache_dir() / f"zig-{ZIG_VERSION}"
    zig = folder / "package" / "ziglang" / "zig"
    if not zig.is_file():
        if not fetch:
            raise SiteError(
                f"no cc on PATH, and zig not fetched yet; the first run that needs a compiler "
                f"fetches zig {ZIG_VERSION} (100 MB), or install cc"
            )
        folder.mkdir(parents=True, exist_ok=True)
        with locked(folder / "lock"):
            if not zig.is_file():
                _fetch(folder)
    return [str(zig), "cc"]


def _fetch(folder: Path) -> None:
    for abandoned in folder.glob("fetch-*"):
        shutil.rmtree(abandoned)  # whoever held the lock before was killed
    work = Path(tempfile.mkdtemp(prefix="fetch-", dir=folder))
    argv = [
        *(sys.executable, "-m", "uv", "pip", "install", "--quiet", "--no-deps"),
        *("--python", sys.executable, "--target", str(work), f"ziglang=={ZIG_VERSION}"),
    ]
    try:
        output_of(argv, awaited="100 MB to be fetched", timeout_s=_FETCH_TIMEOUT_S)
        work.rename(folder / "package")
    except CommandError as error:
        raise SiteError(
            f"no C compiler: cc is not on PATH, and ziglang {ZIG_VERSION} could not be "
            f"fetched: {' '.join(error.said)[-200:]}"
        ) from error
    finally:
        shutil.rmtree(work, ignore_errors=True)
