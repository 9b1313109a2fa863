"""What the test of a failover does inside an enclosure: `python failing_over.py FOLDER`.

A broker without services fails over twice. What was seen goes to standard output as one JSON
object.
"""

# ruff: noqa: T201 (its output is its result)

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import anyio

from stallproof.faults import BrokerRestart, Failover
from stallproof.history import Recorder
from stallproof.parts import find_broker
from stallproof.sites.base import EVERY, Link, System, SystemSpec
from stallproof.sites.capabilities import BrokerCommands, BrokerLogin, Replica
from stallproof.sites.local import LocalSite

LINK = Link.WORKER_BROKER
UNDONE = {"clients": dict.fromkeys(EVERY, 0), "behind": {"bytes": 0, "writes": 0}}


async def act() -> dict[str, Any]:
    spec = SystemSpec(
        profile="none",
        python=sys.executable,
        services=(),
        broker_binary=find_broker().path,
        run_dir=sys.argv[1],
    )
    recorder = Recorder(Path(sys.argv[1]) / "history.jsonl")
    async with LocalSite(namespaces=False).boot(spec, recorder) as system:
        return {
            "lie": (await Failover().observe(system, UNDONE)).bit,
            "too_soon": await Failover().end(system),
            "first": await fail_over(system, Failover(lag_s=0.1), "1"),
            "second": await fail_over(system, Failover(how="demoted"), "2"),
            "idle": await nothing_lost(system),
            "restarted": await restart(system),
            "down": await while_down(system),
        }


async def fail_over(system: System, fault: Failover, name: str) -> dict[str, Any]:
    commands, login = system.use(BrokerCommands), system.use(BrokerLogin)
    await commands.execute("SET", f"before-{name}", "kept")
    await fault.prepare(system)
    await login.ask(LINK, "SET", f"after-{name}", "acknowledged")
    if not fault.lag_s:
        await caught_up(system)
    begun = await fault.begin(system)
    begun_again = await fault.begin(system)
    seen = await fault.observe(system, begun)
    away = await login.ask(LINK, "PING")
    ended = [await fault.end(system) for _ in range(2)]
    return {
        "behind": begun["behind"],
        "again": begun_again["behind"],
        "bit": seen.bit,
        "seen": seen.seen,
        "away": away,
        "promoted": [each["promoted"] for each in ended],
        "role": (await commands.execute("ROLE"))[0],  # type: ignore[index]
        "each": sorted({await login.ask(link, "PING") for link in EVERY}),
        "before": await commands.execute("GET", f"before-{name}"),
        "after": await commands.execute("GET", f"after-{name}"),
        "still": (await fault.observe(system, begun)).bit,
    }


async def caught_up(system: System) -> None:
    with anyio.fail_after(10):
        while (await system.use(Replica).behind()).bytes:
            await anyio.sleep(0.01)


async def nothing_lost(system: System) -> bool:
    """With a lag in which nothing was written."""
    fault = Failover(lag_s=0.1)
    await fault.prepare(system)
    begun = await fault.begin(system)
    seen = await fault.observe(system, begun)
    await fault.end(system)
    return seen.bit


async def restart(system: System) -> object:
    """The one that was promoted is the broker: it restarts with its own data."""
    await BrokerRestart().begin(system)
    await BrokerRestart().end(system)
    return await system.use(BrokerCommands).execute("GET", "before-2")


async def while_down(system: System) -> bool:
    """No primary, no failover."""
    await BrokerRestart().begin(system)
    begun = await Failover().begin(system)
    return (await Failover().observe(system, begun)).bit


if __name__ == "__main__":
    print(json.dumps(anyio.run(act)))
