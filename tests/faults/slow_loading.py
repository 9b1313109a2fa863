"""What the test of a broker that loads does inside an enclosure: `python slow_loading.py FOLDER`.

A broker without services, once with an append-only file and once with nothing to keep. What was
seen goes to standard output as one JSON object.
"""

# ruff: noqa: T201 (its output is its result)

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import anyio

from stallproof.faults import Loading
from stallproof.history import Recorder
from stallproof.parts import find_broker
from stallproof.sites.base import EVERY, Link, Persistence, SystemSpec
from stallproof.sites.capabilities import BrokerCommands, BrokerLogin
from stallproof.sites.local import LocalSite

LINK = Link.WORKER_BROKER


async def act(persistence: Persistence) -> dict[str, Any]:
    folder = Path(sys.argv[1]) / persistence
    folder.mkdir()
    spec = SystemSpec(
        profile="none",
        python=sys.executable,
        services=(),
        persistence=persistence,
        broker_binary=find_broker().path,
        run_dir=str(folder),
    )
    fault, recorder = Loading(), Recorder(folder / "history.jsonl")
    async with LocalSite(namespaces=False).boot(spec, recorder) as system:
        commands, login = system.use(BrokerCommands), system.use(BrokerLogin)
        await commands.execute("SET", "kept", "yes")
        await fault.prepare(system)
        begun = await fault.begin(system)
        begun_again = await fault.begin(system)
        seen = await fault.observe(system, begun)
        ended = [await fault.end(system) for _ in range(2)]
        return {
            "restarted": [begun["restarted"], begun_again["restarted"]],
            "bit": seen.bit,
            "seen": seen.seen,
            "loaded": [each["loaded"] for each in ended],
            "still": (await fault.observe(system, begun)).bit,
            "each": sorted({await login.ask(link, "PING") for link in EVERY}),
            "kept": await commands.execute("GET", "kept"),
            "keys": sorted(await commands.execute("INFO", "keyspace")),  # type: ignore[call-overload]
        }


async def main() -> dict[str, Any]:
    return {each: await act(each) for each in Persistence}


if __name__ == "__main__":
    print(json.dumps(anyio.run(main)))
