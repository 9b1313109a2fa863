"""The docker site: broker, Toxiproxy, API and worker as containers on a network of the run's own.

the run's network (a /24 of its own)
├─ holder        owns the broker's network namespace: an address a link, our agent inside
│  └─ broker     shares it; killed, stopped and started again without losing the addresses
├─ toxiproxy     one proxy a link (on the proxied route)
├─ api, worker   the image as it ships; a volume for database and ledger between them
└─ reaper        Ryuk: removes all of it when this process is gone, however it went
"""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import Any

import anyio
import docker
import docker.errors
from anyio import to_thread
from testcontainers.core.labels import create_labels

from stallproof.history import Recorder
from stallproof.sites.base import Route, SystemSpec
from stallproof.sites.booted import SERVICES, BootedSystem, timed
from stallproof.sites.brokers import BrokerControl, BrokerServer
from stallproof.sites.capabilities import BrokerCommands, BrokerProcess, Proxies, Sockets
from stallproof.sites.docker import lives, reach
from stallproof.sites.docker.containers import LABEL
from stallproof.sites.docker.engine import connect, explained
from stallproof.sites.docker.holder import Holder, HolderSockets
from stallproof.sites.docker.lives import DATA
from stallproof.sites.docker.network import network_of
from stallproof.sites.docker.reaper import reaped
from stallproof.sites.environment import environment_of
from stallproof.sites.instances import SupervisedInstance
from stallproof.sites.logs import ServiceLog
from stallproof.sites.namespaces import check_enclosed
from stallproof.sites.proxyserver import ToxiproxyServer
from stallproof.sites.redact import redactor

BROKER_DATA = PurePosixPath("/broker")
"""The broker's volume as the holder sees it."""


class DockerSite:
    """`Site`: containers of a Docker Engine, the system in the image that it ships in."""

    name = "docker"

    def offers(self, capability: type) -> bool:
        return self.condition(capability) is not None

    def condition(self, capability: type) -> str | None:
        return "" if capability in (BrokerProcess, BrokerCommands, Proxies, Sockets) else None

    @asynccontextmanager
    async def boot(self, spec: SystemSpec, recorder: Recorder) -> AsyncIterator[BootedSystem]:
        scratch = check_enclosed(namespaces=False)
        assert scratch is not None
        with ExitStack() as stack:
            try:
                yield await to_thread.run_sync(_build, spec, recorder, stack, scratch)
            finally:
                with anyio.CancelScope(shield=True):
                    await to_thread.run_sync(stack.close)


def _build(spec: SystemSpec, recorder: Recorder, stack: ExitStack, scratch: Path) -> BootedSystem:
    """Bring everything up, registering on the stack how it goes down again (in any state)."""
    stages: dict[str, float] = {}
    assert spec.image is not None
    folder = Path(spec.run_dir).absolute()
    logs = folder / "logs"
    logs.mkdir(parents=True, exist_ok=True)
    password = secrets.token_hex(16)
    run = str(folder)

    def open_log(service: str) -> ServiceLog:
        log = ServiceLog(
            logs,
            service=service,
            recorder=recorder,
            redact=redactor([password]),
            watched=service in SERVICES,
        )
        stack.callback(log.close)
        return log

    client = stack.enter_context(contextlib.closing(connect()))
    with timed(stages, "reaper"):
        stack.enter_context(reaped())
    with timed(stages, "network"):
        volumes = [stack.enter_context(_volume(client, run)) for _ in range(2)]
        plan = stack.enter_context(network_of(run))
        stack.enter_context(reach.joined(client, plan))
    shared, kept = volumes
    with timed(stages, "broker's host"):
        holder = Holder(
            image=spec.image,
            python=spec.python,
            plan=plan,
            run=run,
            volumes={shared: str(DATA), kept: str(BROKER_DATA)},
        )
        stack.callback(holder.close)
        reach.check(plan)
    with timed(stages, "broker"):
        log = open_log("broker")
        start = lives.broker(
            spec, plan, holder, stack, run=run, volume=kept, password=password, log=log
        )
        broker = BrokerServer(
            start=start,
            wipe=lambda: holder.ask("wipe", path=str(BROKER_DATA)),
            control=BrokerControl(
                {"host": plan.control.host, "port": plan.control.port},
                password=password,
                links=plan.broker,
            ),
            log=log,
            on_unexpected_exit=log.note_exit,
        )
        stack.callback(broker.close)
        broker.spawn()
    capabilities: dict[type, Any] = {
        BrokerProcess: broker,
        BrokerCommands: broker.control,
        Sockets: HolderSockets(holder, plan.broker),
    }
    proxied = spec.route is Route.PROXIED
    if proxied:
        with timed(stages, "proxies"):
            log = open_log("toxiproxy")
            proxies = ToxiproxyServer(
                start=lives.toxiproxy(plan, run=run, log=log),
                control=plan.toxiproxy,
                listen=plan.proxy,
                log=log,
                on_unexpected_exit=log.note_exit,
            )
            stack.callback(proxies.close)
            proxies.open_proxies(plan.broker)
        capabilities[Proxies] = proxies

    # Only now the services: one that started a moment too early would see a refused
    # connection, and the run a fault that nobody scheduled.
    with timed(stages, "broker answers"):
        broker.wait_for_pong()

    # The guardians remove what is in there, also when this process has no time to.
    ledger = Path(stack.enter_context(TemporaryDirectory(dir=scratch))) / "ledger.jsonl"
    ledger.touch()
    holder.follow(str(DATA / ledger.name), into=ledger)
    instances: dict[str, SupervisedInstance] = {}
    with timed(stages, "services started"):
        for service in SERVICES:
            log = open_log(service)
            env = environment_of(
                service,
                spec=spec,
                at=plan.proxy if proxied else plan.broker,
                port=plan.service[service].port,
                password=password,
                folder=DATA,
                ledger=DATA / ledger.name,
            )
            instances[service] = SupervisedInstance(
                service,
                start=lives.service(spec, plan, service, env, run=run, volume=shared, log=log),
                address=plan.service[service],
                liveness=spec.liveness if service == "worker" else None,
                recorder=recorder,
                log=log,
            )
            stack.callback(instances[service].close)
    return BootedSystem(
        clock=recorder.clock,
        service=plan.service,
        instances=instances,
        capabilities=capabilities,
        ledger=ledger,
        boot_stages_s=stages,
    )


@contextmanager
def _volume(client: docker.DockerClient, run: str) -> Iterator[str]:
    with explained("make a volume"):
        volume = client.volumes.create(labels=create_labels("", {LABEL: run}))
    try:
        yield str(volume.name)
    finally:
        with explained("remove a volume"):
            volume.remove(force=True)
