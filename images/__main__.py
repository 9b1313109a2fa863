"""`make images`: every image that runs in containers need, a line each.

Exit code 4: the engine does not answer, or an image cannot be had.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

from images import docker, trusting
from images.names import BASE, HARNESS, STAND_IN_LABEL
from images.standins import STAND_INS
from stallproof.exits import Exit
from stallproof.sites.base import SiteError
from stallproof.sites.images import APP

ROOT = Path(__file__).resolve().parents[1]


def main() -> int:
    """Make them all, the base first, and say how each came about."""
    try:
        say("engine", docker.engine_version())
        for name in STAND_INS:
            obtain(name)
        build_base = trusting.base()
        for name, file in ((APP, "Dockerfile"), (HARNESS, "harness/Dockerfile")):
            started = time.monotonic()
            args = {"BASE": BASE, "BUILD_BASE": build_base}
            docker.build(name, ROOT, file=ROOT / file, args=args)
            say(name, f"built from {file} in {time.monotonic() - started:.0f} s")
    except (docker.ImageError, SiteError) as error:
        print(f"images: {error}", file=sys.stderr)
        return Exit.HARNESS
    return Exit.VALID


def obtain(name: str) -> None:
    """The image itself, else what stands for it.

    Raises:
        ImageError, SiteError: neither can be had.
    """
    stand_in = STAND_INS[name]
    labels = docker.labels_of(name)
    if labels is not None and STAND_IN_LABEL not in labels:
        say(name, "is here")
        return
    why_not = docker.pull(name)
    if why_not is None:
        say(name, "pulled")
        return
    if not (stand_in.kept and labels and labels[STAND_IN_LABEL] == stand_in.holds):
        stand_in.build(name)
    say(name, f"a stand-in ({stand_in.holds}), because: {why_not}")


def say(name: str, text: str) -> None:
    size = "" if name == "engine" else f"{docker.size_mb(name):4.0f} MB  "
    print(f"{name:36} {size}{text}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
