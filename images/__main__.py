"""`make images`: every image that runs in containers need, a line each.

Exit code 4: the engine does not answer, or an image cannot be had.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from images import docker, trusting
from images.names import BASE, HARNESS, STAND_IN_LABEL
from images.standins import FIRST, STAND_INS
from stallproof.exits import Exit
from stallproof.sites.base import SiteError
from stallproof.sites.images import APP

ROOT = Path(__file__).resolve().parents[1]


def main() -> int:
    """Make them all, each once those that it needs are there, and say how it came about."""
    try:
        say("engine", docker.engine_version())
        side_by_side(partial(obtain, name) for name in FIRST)
        build_base = trusting.base()
        side_by_side(
            [
                *(partial(obtain, name) for name in STAND_INS if name not in FIRST),
                partial(make, APP, "Dockerfile", build_base),
                partial(make, HARNESS, "harness/Dockerfile", build_base),
            ]
        )
    except (docker.ImageError, SiteError) as error:
        print(f"images: {error}", file=sys.stderr)
        return Exit.HARNESS
    return Exit.VALID


def side_by_side(tasks: Iterable[Callable[[], None]]) -> None:
    """Do them at the same time: one computes while another downloads.

    Raises:
        ImageError, SiteError: the first that one of them raised, once all have ended.
    """
    with ThreadPoolExecutor() as pool:
        running = [pool.submit(task) for task in tasks]
    for task in running:
        task.result()


def make(name: str, file: str, build_base: str) -> None:
    """One of ours, from its Dockerfile.

    Raises:
        ImageError: it cannot be built.
    """
    started = time.monotonic()
    args = {"BASE": BASE, "BUILD_BASE": build_base}
    docker.build(name, ROOT, file=ROOT / file, args=args)
    say(name, f"built from {file} in {time.monotonic() - started:.0f} s")


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
