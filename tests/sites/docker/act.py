"""What tests of sites of containers do among guardians: `python act.py ACT SITE RUN_DIR`.

Each act boots the site once, with the real image, and what it saw goes to standard output as
one JSON object.
"""

# ruff: noqa: T201 (its output is its result)

from __future__ import annotations

import json
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import anyio
import httpx2

from stallproof.events import InstancePhase, Log
from stallproof.faults.wire import dial_each
from stallproof.history import Recorder
from stallproof.sites import images
from stallproof.sites.base import Link, Persistence, Route, SystemSpec
from stallproof.sites.between import Proxies, Sockets
from stallproof.sites.booted import BootedSystem
from stallproof.sites.capabilities import BrokerCommands, BrokerProcess, Instances
from stallproof.sites.choice import site_of

DEADLINE_S = 60.0
"""For whatever is awaited, on a crowded machine."""
STORY = {
    "title": "One",
    "prompt": "A magical adventure",
    "user_id": "00000000-0000-4000-8000-000000000000",
}


async def until(check: Callable[[], Awaitable[Any]], awaited: str) -> Any:
    seen = None
    with anyio.move_on_after(DEADLINE_S):
        while not (seen := await check()):
            await anyio.sleep(0.02)
    if not seen:
        raise TimeoutError(f"waited {DEADLINE_S} s for {awaited}; saw {seen!r}")
    return seen


async def one_story(system: BootedSystem) -> list[Any]:
    """A story from POST to done; the ledger's lines of its work, as the harness gets them."""
    async with httpx2.AsyncClient(base_url=system.api_url, trust_env=False) as http:

        async def answers() -> bool:
            try:
                return (await http.get("/health", timeout=1.0)).is_success
            except httpx2.HTTPError:
                return False

        await until(answers, "the API's health")
        story_id = (await http.post("/stories/", json=STORY)).json()["id"]

        async def done() -> bool:
            return (await http.get(f"/stories/{story_id}")).json()["status"] == "done"

        await until(done, "the story done")

    async def ended() -> Any:
        lines = [json.loads(line) for line in system.ledger.read_text().splitlines()]
        mine = [line for line in lines if line["story_id"] == story_id]
        return mine if any(line["event"] == "end" for line in mine) else None

    # The outbox sends again what a crowded machine has not begun in time; the worker then refuses
    # one of the two, and writes so.
    return [
        [line["event"], line["instance"], time.monotonic() - line["monotonic_s"] < DEADLINE_S]
        for line in await until(ended, "the story's end in the ledger")
        if line["event"] in {"start", "end"}
    ]


async def clients(system: BootedSystem) -> dict[str, list[str]]:
    """By link: where its clients come from."""
    broker = system.use(BrokerCommands)
    at = {f"{a.host}:{a.port}": link for link in Link for a in [broker.address_of(link)]}
    text = str(await broker.execute("CLIENT", "LIST"))
    rows = [dict(f.partition("=")[::2] for f in line.split()) for line in text.splitlines()]
    found: dict[str, list[str]] = {}
    for row in rows:
        if row["laddr"] in at:
            found.setdefault(at[row["laddr"]], []).append(row["addr"].rpartition(":")[0])
    return found


async def connected(system: BootedSystem) -> dict[str, list[str]]:
    async def check() -> Any:
        found = await clients(system)
        return found if {Link.API_BROKER, Link.WORKER_BROKER} <= found.keys() else None

    return await until(check, "clients of both services")


async def direct(system: BootedSystem) -> Any:
    """A story, the broker's lives, its sockets, and a worker that is killed."""
    seen: dict[str, Any] = {"first": await one_story(system)}
    seen["peers"] = {link: sorted(set(peers)) for link, peers in (await connected(system)).items()}
    seen["services"] = {name: address.host for name, address in system.service.items()}

    process, broker = system.use(BrokerProcess), system.use(BrokerCommands)
    await broker.execute("SET", "key", "value")
    for how, end in (("kill", process.kill), ("stop", process.stop)):
        await end()
        await end()  # idempotent
        addresses = {link: broker.address_of(link) for link in Link}
        seen[f"after {how}"] = sorted({o.outcome for o in (await dial_each(addresses)).values()})
        await process.start()
        await process.start()
        seen[how] = await broker.execute("GET", "key")
    await process.kill()
    await process.start(empty=True)
    seen["empty"] = await broker.execute("GET", "key")

    await one_story(system)  # the API connects when it publishes
    await connected(system)
    kernel = system.use(Sockets)
    before = len(await kernel.idle_for_s(Link.WORKER_BROKER))
    api_before = len(await kernel.idle_for_s(Link.API_BROKER))
    seen["destroyed"] = [before > 0, await kernel.destroy(Link.WORKER_BROKER) >= before]
    seen["spared"] = len(await kernel.idle_for_s(Link.API_BROKER)) == api_before
    seen["too young"] = await kernel.destroy(Link.API_BROKER, min_idle_s=3600.0)

    worker = system.instances["worker"]
    await system.use(Instances).kill("worker")

    async def again() -> bool:
        return worker.starts == 2

    await until(again, "a second start of the worker")
    seen["second"] = await one_story(system)
    return seen


async def proxied(system: BootedSystem) -> Any:
    """A story through Toxiproxy; a broker that keeps nothing."""
    seen: dict[str, Any] = {"first": await one_story(system)}
    found = await connected(system)
    seen["peers"] = sorted({peer for peers in found.values() for peer in peers})
    proxies = system.use(Proxies)
    seen["toxiproxy"] = proxies.control.host
    at = {link: proxies.listen_of(link) for link in Link}
    seen["dialled"] = {link: o.outcome for link, o in (await dial_each(at)).items()}
    process, broker = system.use(BrokerProcess), system.use(BrokerCommands)
    await broker.execute("SET", "key", "value")
    await process.kill()
    await process.start()
    seen["kill"] = await broker.execute("GET", "key")
    return seen


SPECS = {
    "direct": (direct, Route.DIRECT, Persistence.AOF),
    "proxied": (proxied, Route.PROXIED, Persistence.NONE),
}


async def main(name: str, site: str, run_dir: Path) -> Any:
    act, route, persistence = SPECS[name]
    recorder = Recorder(run_dir / "history.jsonl")
    events: list[Any] = []
    recorder.watch(events.append)
    spec = SystemSpec(
        profile="hardened",
        python="python",
        image=images.APP,
        route=route,
        persistence=persistence,
        broker_binary=images.BROKER_COMMAND,
        run_dir=str(run_dir),
    )
    async with site_of(site).boot(spec, recorder) as system:
        seen = await act(system)
    return {
        "seen": seen,
        "lives": [[e.service, e.phase, e.code] for e in events if isinstance(e, InstancePhase)],
        "logged": [[e.service, e.what, e.line] for e in events if isinstance(e, Log)],
    }


if __name__ == "__main__":
    print(json.dumps(anyio.run(main, *sys.argv[1:3], Path(sys.argv[3]))), flush=True)
