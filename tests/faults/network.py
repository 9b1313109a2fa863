"""What the tests of the kernel plane do inside an enclosure: `python network.py FAULT.json`.

One fault on a site without services. What was seen goes to standard output as one JSON object.
"""

# ruff: noqa: T201 (its output is its result)

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import anyio
import msgspec

from stallproof.faults import AnyFault
from stallproof.faults.canary import ask, dial_there, open_canaries
from stallproof.history import Recorder
from stallproof.parts import find_broker
from stallproof.sites.base import EVERY, SystemSpec
from stallproof.sites.local import LocalSite


async def act(fault: AnyFault) -> dict[str, Any]:
    folder = tempfile.mkdtemp(dir=sys.argv[2])
    spec = SystemSpec(
        profile="none",
        python=sys.executable,
        services=(),
        broker_binary=find_broker().path,
        run_dir=folder,
    )
    recorder = Recorder(Path(folder) / "history.jsonl")
    async with LocalSite(namespaces=True).boot(spec, recorder) as system:
        untouched = {"flows": 1, "canaries": await open_canaries(system, EVERY)}
        lie = await fault.observe(system, untouched)
        system_own = await open_canaries(system, EVERY)
        begun = await fault.begin(system)
        begun_again = await fault.begin(system) if fault.lasting else begun
        seen = await fault.observe(system, begun)
        ended = [await fault.end(system) for _ in range(2)]
        fresh = await dial_there(system, EVERY)
        return {
            "lie": lie.bit,
            "begun": begun,
            "begun_again": sorted(begun_again),
            "bit": seen.bit,
            "seen": seen.seen,
            "numbers": seen.numbers,
            "ended": ended,
            "afterwards": sorted(set((await ask(system, system_own)).values())),
            "fresh": sorted({outcome.outcome for outcome in fresh.values()}),
        }


if __name__ == "__main__":
    print(json.dumps(anyio.run(act, msgspec.json.decode(sys.argv[1], type=AnyFault))))
