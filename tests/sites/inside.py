"""What the site tests do inside an enclosure: `python inside.py ACT RUN_DIR OPTIONS`.

Each act boots the site once, and what it saw goes to standard output as one JSON object.
"""

# ruff: noqa: T201 (its output is its result)

from __future__ import annotations

import json
import socket
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import anyio
import msgspec

from stallproof.clock import Clock
from stallproof.events import InstancePhase, Log
from stallproof.faults import CpuThrottling, Freeze, NatIdleExpiry, Rollout, ScaleIn, ScaleOut
from stallproof.faults.canary import ask, open_canaries
from stallproof.history import Recorder
from stallproof.parts import find_broker
from stallproof.sites.base import (
    WORKER,
    CapabilityMissingError,
    Link,
    Liveness,
    Persistence,
    Route,
    SystemSpec,
)
from stallproof.sites.between import Proxies, Sockets
from stallproof.sites.booted import BootedSystem
from stallproof.sites.capabilities import (
    BrokerCommands,
    BrokerProcess,
    Insides,
    Processes,
    Revisions,
    Vantage,
)
from stallproof.sites.liveness import ANSWER_REAL_S, answers_200
from stallproof.sites.local import LocalSite

STUB = Path(__file__).parent / "stub"
DEADLINE_S = 20.0


class Options(msgspec.Struct, kw_only=True):
    namespaces: bool
    route: str = "direct"
    persistence: str = "aof"
    env: dict[str, str] = {}
    liveness: Liveness | None = Liveness()
    toxiproxy: str | None = None
    front: bool = False
    speed: float = 1.0
    shim: str | None = None


async def until(check: Callable[[], Awaitable[Any]], awaited: str) -> Any:
    seen = None
    with anyio.move_on_after(DEADLINE_S):
        while not (seen := await check()):
            await anyio.sleep(0.01)
    if not seen:
        raise TimeoutError(f"waited {DEADLINE_S} s for {awaited}; saw {seen!r}")
    return seen


async def healthy(system: BootedSystem, service: str) -> None:
    async def check() -> bool:
        address = system.service[service]
        return await anyio.to_thread.run_sync(lambda: answers_200(address, timeout_s=1.0))

    await until(check, f"{service} healthy")


async def clients(system: BootedSystem) -> dict[str, dict[str, str]]:
    """By name: the clients that gave themselves one, with the fields of CLIENT LIST."""
    text = str(await system.use(BrokerCommands).execute("CLIENT", "LIST"))
    rows = [dict(f.partition("=")[::2] for f in line.split()) for line in text.splitlines()]
    return {row["name"]: row for row in rows if row["name"] in list(Link)}


async def all_connected(system: BootedSystem) -> dict[str, dict[str, str]]:
    async def check() -> Any:
        found = await clients(system)
        return found if len(found) == len(Link) else None

    return await until(check, "a named client on each link")


async def links(system: BootedSystem) -> Any:
    """Which of the broker's addresses each client came in by, and from where."""
    found = await all_connected(system)
    broker = system.use(BrokerCommands)
    return {
        "laddr": {name: row["laddr"] for name, row in found.items()},
        "peer": {name: row["addr"].rpartition(":")[0] for name, row in found.items()},
        "address_of": {
            link.value: f"{broker.address_of(link).host}:{broker.address_of(link).port}"
            for link in Link
        },
        "offers_sockets": await offered(system, Sockets),
        "offers_proxies": await offered(system, Proxies),
    }


async def offered(system: BootedSystem, capability: type) -> bool:
    try:
        system.use(capability)
    except CapabilityMissingError:
        return False
    return True


async def restart(system: BootedSystem) -> Any:
    """Keys before and after the broker was killed, stopped, and started empty."""
    process, broker = system.use(BrokerProcess), system.use(BrokerCommands)
    await broker.execute("SET", "key", "value")
    kept = {}
    for how, end in (("kill", process.kill), ("stop", process.stop)):
        await end()
        await end()  # idempotent
        try:
            await broker.execute("PING")
        except ConnectionError as error:
            kept[f"down after {how}"] = str(error)
        await process.start()
        kept[how] = await broker.execute("GET", "key")
    await process.kill()
    await process.start(empty=True)
    kept["empty"] = await broker.execute("GET", "key")
    return kept


async def sockets(system: BootedSystem) -> Any:
    """Idle times of a link's sockets, and how many of them could be reset."""
    await all_connected(system)
    kernel = system.use(Sockets)
    before = {link.value: len(await kernel.idle_for_s(link)) for link in Link}
    destroyed = await kernel.destroy(Link.API_BROKER)
    after = {link.value: len(await kernel.idle_for_s(link)) for link in Link}
    return {"before": before, "destroyed": destroyed, "after": after}


async def insides(system: BootedSystem) -> Any:
    """What a look into the worker shows."""
    await all_connected(system)
    await healthy(system, "worker")
    return {
        "processes": msgspec.to_builtins(
            await system.use(Insides).processes("worker"), str_keys=True
        ),
        "sockets": msgspec.to_builtins(await system.use(Insides).sockets("worker")),
        "broker": [
            f"{address.host}:{address.port}"
            for address in map(system.use(BrokerCommands).address_of, WORKER)
        ],
    }


async def idle(system: BootedSystem) -> Any:
    """Up, and nothing else."""
    await all_connected(system)
    return {"stages": dict(system.boot_stages_s), "starts": system.instances["api"].starts}


async def given_up(system: BootedSystem) -> Any:
    """Waits until the site gives the worker up."""
    worker = system.instances["worker"]

    async def check() -> bool:
        return worker.oldest.given_up

    await until(check, "the worker given up")
    return {"starts": worker.starts, "exits": list(worker.exits)}


async def second_life(system: BootedSystem) -> Any:
    """Waits until the worker was started a second time and is healthy."""
    worker = system.instances["worker"]

    async def check() -> bool:
        return worker.starts >= 2

    await until(check, "a second start of the worker")
    await healthy(system, "worker")
    return {"starts": worker.starts, "exits": list(worker.exits)}


async def unhealthy(system: BootedSystem) -> Any:
    """Looks at a mute worker, at the pace of Cloud Run's liveness, for twice as long as that bears.

    Begins when the site has had the only 200: from then on liveness, if there is any, counts.
    """
    log, probe = Path(sys.argv[2]) / "logs" / "worker.log", Liveness()

    async def site_has_looked() -> bool:
        return "first answer: 200" in log.read_text()

    await until(site_has_looked, "the worker's first answer")
    period_s = system.clock.real_s(probe.period_s, at_least_s=ANSWER_REAL_S)
    failures = 0
    with anyio.fail_after(DEADLINE_S):
        while failures < 2 * probe.failure_threshold:
            await anyio.sleep(period_s)
            alive = await anyio.to_thread.run_sync(
                lambda: answers_200(system.service["worker"], timeout_s=1.0)
            )
            failures += not alive
    return failures


async def booted(_: BootedSystem) -> Any:
    """Waits for a worker that says it is ready."""
    log = Path(sys.argv[2]) / "logs" / "worker.log"

    async def ready() -> bool:
        return "ready" in log.read_text().split()

    await until(ready, "the worker to be ready")


async def frozen(system: BootedSystem) -> Any:
    """The worker frozen and thawed, what a network that forgets makes of it, and a fault's lie."""
    await all_connected(system)
    await healthy(system, "worker")
    forgetting, fault = NatIdleExpiry(idle_s=2), Freeze()
    lie = await fault.observe(
        system, {"canaries": await open_canaries(system, WORKER), "processes": 2}
    )
    await forgetting.begin(system)
    probing = {link.value: await keeps_probing(system, link) for link in Link}
    begun = await fault.begin(system)
    seen = await fault.observe(system, begun)
    answered = answers_200(system.service["worker"], timeout_s=0.5)
    await anyio.sleep(4.0)  # twice what the network remembers
    heard = await ask(system, probing)
    ended = [await fault.end(system) for _ in range(2)]
    await forgetting.end(system)
    await healthy(system, "worker")
    return {
        "lie": lie.bit,
        "bit": seen.bit,
        "seen": seen.seen,
        "processes": begun["processes"],
        "answered": answered,
        "frozen": heard,
        "thawed": await ask(system, probing),
        "ended": ended,
        "exits": list(system.instances["worker"].exits),
    }


async def keeps_probing(system: BootedSystem, link: Link) -> str:
    """A bare connection with a keepalive probe a second."""
    vantage = system.use(Vantage)
    name = await vantage.connect(link)
    wire = vantage.kept(name)
    assert wire is not None
    wire.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    wire.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 1)
    wire.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 100)
    wire.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 1)
    return name


async def throttled(system: BootedSystem) -> Any:
    """The API without CPU between requests, the fault's lie before, and the API afterwards."""
    await healthy(system, "api")
    fault = CpuThrottling()
    lie = await fault.observe(system, {})
    begun = await fault.begin(system)
    seen = await fault.observe(system, begun)
    for _ in range(2):
        await fault.end(system)
    return {
        "lie": lie.bit,
        "bit": seen.bit,
        "seen": seen.seen,
        "running": await system.use(Processes).running("api"),
        "through": system.api_url,
        "answers": await anyio.to_thread.run_sync(
            lambda: answers_200(system.service["api"], timeout_s=1.0)
        ),
    }


async def api_changes(system: BootedSystem) -> Any:
    """One API more, one fewer, another in its stead, while POSTs keep coming through the front."""
    await healthy(system, "api")
    statuses: list[int] = []
    seen = []

    def post() -> None:
        request = urllib.request.Request(f"{system.api_url}/stories/", data=b"{}")
        try:
            with urllib.request.urlopen(request, timeout=DEADLINE_S) as answer:
                statuses.append(answer.status)
        except urllib.error.HTTPError as error:
            statuses.append(error.code)

    async def keep_posting() -> None:
        while True:
            clients.start_soon(anyio.to_thread.run_sync, post)
            await anyio.sleep(0.1)

    async with anyio.create_task_group() as clients, anyio.create_task_group() as load:
        load.start_soon(keep_posting)
        for fault in (
            ScaleOut(service="api"),
            ScaleIn(service="api"),
            Rollout(service="api", overlap_s=0.3),
        ):
            begun = await fault.begin(system)
            begun |= await fault.follow(system, begun)
            seen.append(await fault.observe(system, begun))
        load.cancel_scope.cancel()
    return {
        "bit": [one.bit for one in seen],
        "in_hand": [one.numbers.get("in_hand") for one in seen],
        "codes": [one.numbers.get("code") for one in seen],
        "said": [one.seen for one in seen],
        "statuses": sorted(set(statuses)),
        "kept": list(await system.use(Revisions).kept("api")),
    }


async def frozen_at_the_end(system: BootedSystem) -> Any:
    """The site goes down while both services are stopped, and a probe of them is overdue."""
    await all_connected(system)
    for service in ("api", "worker"):
        await healthy(system, service)
        await system.use(Processes).freeze(service)
    await anyio.sleep(1.0)  # three liveness probes and more
    return {name: instance.exits for name, instance in system.instances.items()}


async def wait_to_be_killed_frozen(system: BootedSystem) -> Any:
    await all_connected(system)
    for service in ("api", "worker"):
        await system.use(Processes).freeze(service)
    print(json.dumps({"up": True}), flush=True)
    await anyio.sleep(60)


async def two_instances(system: BootedSystem) -> Any:
    """A second worker beside the first, which then has to go for good; what the broker sees."""
    await all_connected(system)
    await healthy(system, "worker")
    revisions = system.use(Revisions)
    new = await revisions.start("worker")
    ports = system.health_ports("worker")

    addresses = [instance.address for instance in system.instances["worker"].kept]

    async def all_healthy() -> bool:
        def ask() -> bool:
            return all(answers_200(address, timeout_s=1.0) for address in addresses)

        return await anyio.to_thread.run_sync(ask)

    await until(all_healthy, "both workers healthy")
    peers = await worker_peers(system)
    assert await revisions.retire("worker", ports[0].instance)

    async def gone() -> bool:
        return await revisions.left("worker", ports[0].instance) is not None

    await until(gone, "the first worker's exit")
    return {
        "new": new,
        "ids": [port.instance for port in ports],
        "urls": [port.url for port in ports],
        "peers": peers,
        "code": await revisions.left("worker", ports[0].instance),
        "kept": list(await revisions.kept("worker")),
        "starts": system.instances["worker"].starts,
    }


async def worker_peers(system: BootedSystem) -> list[str]:
    """Where the worker's clients on its broker link come from."""
    broker = system.use(BrokerCommands)
    here = broker.address_of(Link.WORKER_BROKER)
    text = str(await broker.execute("CLIENT", "LIST"))
    rows = [dict(f.partition("=")[::2] for f in line.split()) for line in text.splitlines()]
    return sorted(
        {
            row["addr"].rpartition(":")[0]
            for row in rows
            if row["laddr"] == f"{here.host}:{here.port}"
        }
    )


async def wait_to_be_killed(system: BootedSystem) -> Any:
    """Two workers: also the one that was started later has to go with the rest."""
    await all_connected(system)
    await system.use(Revisions).start("worker")
    print(json.dumps({"up": True, "scratch": str(system.ledger.parent)}), flush=True)
    await anyio.sleep(60)


ACTS = [
    *(links, restart, sockets, insides, idle, given_up, second_life, unhealthy, booted),
    two_instances,
    *(
        api_changes,
        frozen,
        throttled,
        frozen_at_the_end,
        wait_to_be_killed,
        wait_to_be_killed_frozen,
    ),
]


async def main(
    act: Callable[[BootedSystem], Awaitable[Any]], run_dir: Path, options: Options
) -> Any:
    recorder = Recorder(run_dir / "history.jsonl", clock=Clock.starting_now(options.speed))
    events: list[Any] = []
    recorder.watch(events.append)
    spec = SystemSpec(
        profile="stub",
        python=sys.executable,
        python_path=str(STUB),
        route=Route(options.route),
        persistence=Persistence(options.persistence),
        env=options.env,
        liveness=options.liveness,
        broker_binary=find_broker().path,
        toxiproxy_binary=options.toxiproxy,
        front=options.front,
        shim=options.shim,
        run_dir=str(run_dir),
    )
    async with LocalSite(namespaces=options.namespaces).boot(spec, recorder) as system:
        seen = await act(system)
        start = time.monotonic()
    return {
        "seen": seen,
        "close_s": time.monotonic() - start,
        "lives": [[e.service, e.phase, e.code] for e in events if isinstance(e, InstancePhase)],
        "logged": [[e.service, e.what, e.line] for e in events if isinstance(e, Log)],
    }


if __name__ == "__main__":
    act = {function.__name__: function for function in ACTS}[sys.argv[1]]
    options = msgspec.json.decode(sys.argv[3], type=Options)
    print(json.dumps(anyio.run(main, act, Path(sys.argv[2]), options)), flush=True)
