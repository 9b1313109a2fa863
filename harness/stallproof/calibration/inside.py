"""The trials of one row, from inside an enclosure: a broker, the ways to it, and no services.

    python -m stallproof.calibration.inside REQUEST

Takes the request as JSON. Prints what was seen as one JSON object.
"""

from __future__ import annotations

import sys
from pathlib import Path

import anyio
import msgspec

from stallproof.calibration.rows import ROWS, Row
from stallproof.calibration.trial import Trial, once
from stallproof.history import Recorder
from stallproof.sites import kernel_calls as kernel
from stallproof.sites.base import Site, SiteError, System, SystemSpec
from stallproof.sites.choice import LOCAL, site_of
from stallproof.sites.namespaces import check_enclosed

HARNESS_FAILED = 4

_SHARED_MEMORY = Path("/dev/shm")  # noqa: S108 (a mount of our own lies over the machine's)
_ROOM_BYTES = 1024**3


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """Which row, how often, and where."""

    row: str
    trials: int
    site: str
    spec: SystemSpec


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """A row's trials, or the capabilities that the site lacks for it."""

    row: str
    trials: tuple[Trial, ...] = ()
    lacking: tuple[str, ...] = ()


async def _measure(request: Request) -> Answer:
    row = next(row for row in ROWS if row.name == request.row)
    site = site_of(request.site)
    if lacking := _lacking(row, site):
        return Answer(row=row.name, lacking=lacking)
    folder = _room(namespaces=request.site == LOCAL)
    spec = msgspec.structs.replace(request.spec, run_dir=str(folder))
    recorder = Recorder(folder / "history.jsonl")
    try:
        async with site.boot(spec, recorder) as system:
            if lacking := _lacking(row, system):
                return Answer(row=row.name, lacking=lacking)
            trials = [await once(row, system) for _ in range(request.trials)]
    finally:
        recorder.close()
    return Answer(row=row.name, trials=tuple(trials))


def _room(*, namespaces: bool) -> Path:
    """A folder that is gone with the enclosure, however that ends."""
    guarded = check_enclosed(namespaces=namespaces)
    if guarded is not None:
        return guarded
    kernel.mount_tmpfs(str(_SHARED_MEMORY), size_bytes=_ROOM_BYTES)
    return _SHARED_MEMORY


def _lacking(row: Row, ground: Site | System) -> tuple[str, ...]:
    return tuple(need.__name__ for need in row.fault.needed if not ground.offers(need))


def main(argument: str) -> int:
    """0: measured. 4: the harness failed, and the last line on stderr says at what."""
    request = msgspec.json.decode(argument, type=Request)
    try:
        answer = anyio.run(_measure, request)
    except (SiteError, OSError) as error:
        sys.stderr.write(f"{request.row}: {error}\n")
        return HARNESS_FAILED
    sys.stdout.write(msgspec.json.encode(answer).decode() + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
