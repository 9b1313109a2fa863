"""The trials of rows, from inside an enclosure: a broker, the ways to it, the row's services.

    python -m stallproof.calibration.inside REQUEST

Takes the request as JSON. Prints what was seen as one JSON array, an object a row.
"""

from __future__ import annotations

import sys
import traceback
from pathlib import Path

import anyio
import msgspec

from stallproof.calibration import instance, trial
from stallproof.calibration.row import InstanceRow, Row
from stallproof.calibration.rows import ROWS
from stallproof.calibration.seen import Trial
from stallproof.failures import one_line_each
from stallproof.history import Recorder
from stallproof.sites import kernel_calls as kernel
from stallproof.sites.base import Site, SiteError, System, SystemSpec
from stallproof.sites.choice import LOCAL, site_of
from stallproof.sites.namespaces import check_enclosed

HARNESS_FAILED = 4

_SHARED_MEMORY = Path("/dev/shm")  # noqa: S108 (a mount of our own lies over the machine's)
_ROOM_BYTES = 1024**3


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """Which rows, one after the other, how often each, and where."""

    rows: tuple[str, ...]
    trials: int
    site: str
    spec: SystemSpec


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """A row's trials, or the capabilities that the site lacks for it."""

    row: str
    trials: tuple[Trial, ...] = ()
    lacking: tuple[str, ...] = ()


async def _measure(request: Request) -> list[Answer]:
    known = {row.name: row for row in ROWS}
    rows = [known[name] for name in request.rows]
    site = site_of(request.site)
    if all(_lacking(row, site) for row in rows):
        return [Answer(row=row.name, lacking=_lacking(row, site)) for row in rows]
    folder = _room(namespaces=request.site == LOCAL)
    spec = msgspec.structs.replace(request.spec, run_dir=str(folder))
    recorder = Recorder(folder / "history.jsonl")
    try:
        async with site.boot(spec, recorder) as system:
            return [await _answer(row, system, trials=request.trials) for row in rows]
    finally:
        recorder.close()


async def _answer(row: Row, system: System, *, trials: int) -> Answer:
    """Raises SiteError: it could not be measured; the text begins with the row's name."""
    if lacking := _lacking(row, system):
        return Answer(row=row.name, lacking=lacking)
    try:
        return Answer(row=row.name, trials=tuple([await _once(row, system) for _ in range(trials)]))
    except* (SiteError, OSError) as problems:
        raise SiteError(f"{row.name}: {'; '.join(one_line_each(problems))}") from None


async def _once(row: Row, system: System) -> Trial:
    if isinstance(row, InstanceRow):
        return await instance.once(row, system)
    return await trial.once(row, system)


def _room(*, namespaces: bool) -> Path:
    """A folder that is gone with the enclosure, however that ends."""
    guarded = check_enclosed(namespaces=namespaces)
    if guarded is not None:
        return guarded
    kernel.mount_tmpfs(str(_SHARED_MEMORY), size_bytes=_ROOM_BYTES)
    return _SHARED_MEMORY


def _lacking(row: Row, ground: Site | System) -> tuple[str, ...]:
    return tuple(need.__name__ for need in row.needs if not ground.offers(need))


def main(argument: str) -> int:
    """0: measured. 4: the harness failed, and the last line on stderr says at what."""
    request = msgspec.json.decode(argument, type=Request)
    answers: list[Answer] = []
    failures: list[str] = []
    try:
        answers = anyio.run(_measure, request)
    except* Exception as problems:  # noqa: BLE001 (whatever it is, nothing was measured)
        failures = one_line_each(problems)
        traceback.print_exception(problems)
    if failures:
        sys.stderr.write("; ".join(failures) + "\n")
        return HARNESS_FAILED
    sys.stdout.write(msgspec.json.encode(answers).decode() + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
