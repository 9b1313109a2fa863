"""Boots a system of containers, whoever makes them: what the docker and the compose site share.

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
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Protocol

import anyio
import docker
from anyio import to_thread

from stallproof.history import Recorder
from stallproof.sites import nft
from stallproof.sites.base import Route, SystemSpec
from stallproof.sites.between import Conntrack, Firewall, Flows, Proxies, Sockets
from stallproof.sites.booted import BootedSystem, log_opener, timed
from stallproof.sites.brokerlogin import ServiceLogin
from stallproof.sites.brokers import BrokerControl, BrokerServer
from stallproof.sites.brokersettings import KeptSettings
from stallproof.sites.capabilities import (
    BrokerCommands,
    BrokerLogin,
    BrokerProcess,
    BrokerSettings,
    Instances,
    Vantage,
)
from stallproof.sites.docker import reach
from stallproof.sites.docker.engine import connect
from stallproof.sites.docker.holder import BROKER_DATA, DATA, BrokerHost, Holder
from stallproof.sites.docker.network import Plan
from stallproof.sites.docker.reaper import reaped
from stallproof.sites.environment import environment_of
from stallproof.sites.firewall import BrokerFirewall, probe
from stallproof.sites.fleet import Fleet, SupervisedInstances, instance_ids
from stallproof.sites.hosts import Here
from stallproof.sites.instances import SupervisedInstance
from stallproof.sites.life import Life, OnExit, Start
from stallproof.sites.logs import ServiceLog
from stallproof.sites.namespaces import check_enclosed
from stallproof.sites.proxyserver import ToxiproxyServer
from stallproof.sites.sockets import BrokerSockets
from stallproof.sites.vantage import ServiceVantage


class Containers(Protocol):
    """The containers of a run, by whoever makes them. None runs before it is asked for."""

    plan: Plan

    def holder(self) -> Holder:
        """The broker's host, started."""

    def broker(self, holder: Holder, log: ServiceLog) -> Start:
        """The broker, on the holder's network. One container, many lives."""

    def toxiproxy(self, log: ServiceLog) -> Start:
        """Toxiproxy, with no proxies of ours yet."""

    def service(
        self, name: str, env: Mapping[str, str], log: ServiceLog
    ) -> Callable[[str, OnExit], Life]:
        """`api` or `worker`, in that environment; each life by the instance's id."""


class Source(Protocol):
    """Has the containers made."""

    def __call__(
        self,
        stack: ExitStack,
        *,
        client: docker.DockerClient,
        spec: SystemSpec,
        run: str,
        password: str,
    ) -> Containers:
        """What is made goes with the stack; `run` is its label (`containers.LABEL`).

        Raises:
            SiteError: the containers cannot be had.
        """


class ContainerSite:
    """`Site`: containers of a Docker Engine, the system in the image that it ships in."""

    def __init__(self, name: str, source: Source) -> None:
        self.name = name
        self._source = source

    def offers(self, capability: type) -> bool:
        return self.condition(capability) is not None

    def condition(self, capability: type) -> str | None:
        if capability in (Firewall, Flows, Conntrack):
            return "with nftables in the kernel"
        broker = (BrokerProcess, BrokerCommands, BrokerSettings, BrokerLogin)
        return "" if capability in (*broker, Instances, Proxies, Sockets, Vantage) else None

    @asynccontextmanager
    async def boot(self, spec: SystemSpec, recorder: Recorder) -> AsyncIterator[BootedSystem]:
        scratch = check_enclosed(namespaces=False)
        assert scratch is not None
        with ExitStack() as stack:
            try:
                yield await to_thread.run_sync(_build, self._source, spec, recorder, stack, scratch)
            finally:
                with anyio.CancelScope(shield=True):
                    await to_thread.run_sync(stack.close)


def _build(
    source: Source, spec: SystemSpec, recorder: Recorder, stack: ExitStack, scratch: Path
) -> BootedSystem:
    """Bring everything up, registering on the stack how it goes down again (in any state)."""
    stages: dict[str, float] = {}
    folder = Path(spec.run_dir).absolute()
    password = secrets.token_hex(16)
    run = str(folder)
    open_log = log_opener(folder, stack, recorder=recorder, password=password)
    client = stack.enter_context(contextlib.closing(connect()))
    with timed(stages, "reaper"):
        stack.enter_context(reaped())
    with timed(stages, "network"):
        made = source(stack, client=client, spec=spec, run=run, password=password)
        plan = made.plan
        stack.enter_context(reach.joined(client, plan))
    with timed(stages, "broker's host"):
        holder = made.holder()
        stack.callback(holder.close)
        reach.check(plan)
    with timed(stages, "broker"):
        log = open_log("broker")
        broker = BrokerServer(
            start=made.broker(holder, log),
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
    proxied = spec.route is Route.PROXIED
    capabilities: dict[type, Any] = {
        BrokerProcess: broker,
        BrokerCommands: broker.control,
        BrokerSettings: KeptSettings(broker.control),
        BrokerLogin: ServiceLogin(plan.broker, password=password),
    }
    with timed(stages, "packet rules"):
        capabilities |= _of_network(BrokerHost(holder), plan, stack, proxied=proxied, log=log)
    if proxied:
        with timed(stages, "proxies"):
            log = open_log("toxiproxy")
            proxies = ToxiproxyServer(
                start=made.toxiproxy(log),
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
    instances: dict[str, Fleet] = {}
    with timed(stages, "services started"):
        for service in spec.services:
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
            one = SupervisedInstance(
                service,
                ids=instance_ids(service),
                start=made.service(service, env, log),
                address=plan.service[service],
                liveness=spec.liveness if service == "worker" else None,
                recorder=recorder,
                log=log,
            )
            instances[service] = Fleet(one)
            stack.callback(instances[service].close)
    capabilities[Instances] = SupervisedInstances(instances)
    return BootedSystem(
        clock=recorder.clock,
        service=plan.service,
        instances=instances,
        capabilities=capabilities,
        ledger=ledger,
        boot_stages_s=stages,
    )


def _of_network(
    host: BrokerHost, plan: Plan, stack: ExitStack, *, proxied: bool, log: ServiceLog
) -> dict[type, Any]:
    """The capabilities that act on the network; without the kernel plane where the engine's
    kernel has no packet rules, which is then written to the log.
    """
    # Bare clients stand beside the services: on the run's network, by the machine's own end of it.
    at = plan.proxy if proxied else plan.broker
    vantage = ServiceVantage(dict.fromkeys(plan.service, Here()), at)
    stack.callback(vantage.close)
    capabilities: dict[type, Any] = {Sockets: BrokerSockets(host, plan.broker), Vantage: vantage}
    if proxied:
        return capabilities
    try:
        probe(host, hooks=nft.HOST)
        firewall = BrokerFirewall(plan.broker, passing=host, sockets=host, hooks=nft.HOST)
    except OSError as error:
        log.note("warning", f"no packet rules on the broker's host: {error}")
        return capabilities
    return capabilities | dict.fromkeys((Firewall, Flows, Conntrack), firewall)
