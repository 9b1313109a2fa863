"""The local site: broker, Toxiproxy, API and worker in one process tree of the run's own.

`boot` runs inside an enclosure (`namespaces.command_enclosed`), whose network it builds
(`gateway.py`) and whose end is the end of everything it started. Where namespaces are
refused, `LocalSite(namespaces=False)` runs the same on loopback, without the kernel plane.
"""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator
from contextlib import AbstractContextManager, ExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
from anyio import to_thread

from stallproof.history import Recorder
from stallproof.sites import processes
from stallproof.sites.base import Route, SiteError, SystemSpec
from stallproof.sites.between import Conntrack, Firewall, Flows, Proxies, Sockets
from stallproof.sites.booted import BootedSystem, log_opener, timed
from stallproof.sites.brokerlogin import ServiceLogin
from stallproof.sites.brokersettings import KeptSettings
from stallproof.sites.capabilities import (
    BrokerCommands,
    BrokerLogin,
    BrokerProcess,
    BrokerSettings,
    FrontEnd,
    Insides,
    Instances,
    KernelTimers,
    Processes,
    Replica,
    Revisions,
    Routing,
    SlowLoading,
    Vantage,
    Wiretap,
)
from stallproof.sites.firewall import BrokerFirewall, why_no_rules
from stallproof.sites.fleet import Fleet, LocalRevisions, SupervisedInstances
from stallproof.sites.front import front_before
from stallproof.sites.insides import LocalInsides
from stallproof.sites.instanceprocesses import InstanceProcesses
from stallproof.sites.localbroker import local_broker
from stallproof.sites.localservices import LocalServices
from stallproof.sites.namespaces import check_enclosed
from stallproof.sites.network import Network, loopback
from stallproof.sites.routing import Upstream
from stallproof.sites.scratch import scratch_space
from stallproof.sites.sockets import BrokerSockets, may_administer_network
from stallproof.sites.timekeeping import Pace
from stallproof.sites.vantage import ServiceVantage
from stallproof.sites.wiretap import HostWiretap


class LocalSite:
    """`Site`: this machine, with namespaces of the run's own or, failing that, loopback."""

    name = "local"

    def __init__(self, *, namespaces: bool) -> None:
        self._namespaces = namespaces

    def offers(self, capability: type) -> bool:
        if capability is Sockets:
            return self._namespaces or may_administer_network()
        if capability in (Firewall, Flows, Conntrack):
            if self._namespaces:
                check_enclosed(namespaces=True)  # never in a network that is not the run's own
            return self._namespaces and why_no_rules() is None
        return self.condition(capability) is not None

    def condition(self, capability: type) -> str | None:
        if capability is Sockets:
            return "" if self._namespaces else "with CAP_NET_ADMIN"
        if capability in (Firewall, Flows, Conntrack):
            return "with nftables in the kernel" if self._namespaces else None
        if capability is Wiretap:
            return "" if self._namespaces else None
        broker = (BrokerProcess, BrokerCommands, BrokerSettings, BrokerLogin, Replica, SlowLoading)
        services = (FrontEnd, Insides, Instances, Processes, Revisions, Routing)
        offered = (*broker, *services, Proxies, Vantage)
        return "" if capability in offered else None

    @asynccontextmanager
    async def boot(self, spec: SystemSpec, recorder: Recorder) -> AsyncIterator[BootedSystem]:
        scratch = check_enclosed(namespaces=self._namespaces)
        with ExitStack() as stack:
            try:
                system = await to_thread.run_sync(_build, spec, recorder, stack, scratch)
                if spec.front:
                    async with front_before(lambda: _upstreams(system.instances["api"])) as front:
                        system.put_before_api(front)
                        yield system
                else:
                    yield system
            finally:
                with anyio.CancelScope(shield=True):
                    await to_thread.run_sync(stack.close)


def _upstreams(api: Fleet) -> list[Upstream]:
    return [Upstream(instance.id, instance.address) for instance in api.open_to_requests]


def _build(
    spec: SystemSpec, recorder: Recorder, stack: ExitStack, guarded_scratch: Path | None
) -> BootedSystem:
    """Bring everything up, registering on the stack how it goes down again (in any state)."""
    stages: dict[str, float] = {}
    proxied = spec.route is Route.PROXIED
    if proxied and spec.toxiproxy_binary is None:
        raise SiteError("the proxied route needs Toxiproxy, and no binary of it was found")
    folder = Path(spec.run_dir).absolute()
    scratch = stack.enter_context(scratch_space(folder, guarded_scratch))
    password = secrets.token_hex(16)
    open_log = log_opener(folder, stack, recorder=recorder, password=password)
    pace = Pace(recorder.clock, shim=spec.shim, folder=scratch / "kernel-timers")
    pace.check_python(spec.python)
    broker_log, proxy_log = open_log("broker"), open_log("toxiproxy") if proxied else None

    with timed(stages, "network"):
        network = stack.enter_context(loopback() if guarded_scratch else _namespaced())

    with timed(stages, "broker"):
        broker, replica, loading = stack.enter_context(
            local_broker(
                spec.broker_binary,
                folder=scratch / "broker",
                host=network.hosts["broker"],
                links=network.broker,
                aside=network.aside,
                password=password,
                persistence=spec.persistence,
                env=pace.env_of("broker"),
                log=broker_log,
                on_unexpected_exit=broker_log.note_exit,
            )
        )
        broker.spawn()

    capabilities: dict[type, Any] = {
        BrokerProcess: broker,
        BrokerCommands: broker.control,
        BrokerSettings: KeptSettings(broker.control),
        BrokerLogin: ServiceLogin(network.broker, password=password),
        Replica: replica,
        SlowLoading: loading,
    }
    if proxy_log is not None:
        from stallproof.sites.proxyserver import ToxiproxyServer  # noqa: PLC0415 (0.1 s)

        with timed(stages, "proxies"):
            proxies = ToxiproxyServer(
                start=processes.toxiproxy(spec, network, scratch, proxy_log),
                control=network.control,
                listen=network.proxy,
                log=proxy_log,
                on_unexpected_exit=proxy_log.note_exit,
            )
            stack.callback(proxies.close)
            proxies.open_proxies(network.broker)
        capabilities[Proxies] = proxies
    capabilities |= _of_network(network, stack, proxied=proxied, own=guarded_scratch is None)

    # Only now the services: one that started a moment too early would see a refused
    # connection, and the run a fault that nobody scheduled. It costs them milliseconds.
    with timed(stages, "broker answers"):
        broker.wait_for_pong()
    pace.check_broker(broker.control, binary=spec.broker_binary)

    ledger = scratch / "ledger.jsonl"
    ledger.touch()
    services = LocalServices(
        spec=spec,
        network=network,
        recorder=recorder,
        pace=pace,
        scratch=scratch,
        password=password,
        ledger=ledger,
        open_log=open_log,
    )
    instances: dict[str, Fleet] = {}
    with timed(stages, "services started"):
        for service in spec.services:
            instances[service] = services.fleet(service)
            stack.callback(instances[service].close)
    capabilities |= {
        KernelTimers: pace,
        Instances: SupervisedInstances(instances),
        Processes: InstanceProcesses(instances),
        Revisions: LocalRevisions(instances),
        Insides: LocalInsides(instances, services.hosts),
    }
    return BootedSystem(
        clock=recorder.clock,
        service=network.service,
        instances=instances,
        capabilities=capabilities,
        ledger=ledger,
        boot_stages_s=stages,
    )


def _namespaced() -> AbstractContextManager[Network]:
    from stallproof.sites.gateway import namespaced  # noqa: PLC0415 (a quarter of a second)

    return namespaced()


def _of_network(network: Network, stack: ExitStack, *, proxied: bool, own: bool) -> dict[type, Any]:
    """The capabilities that act on the network; `own`: it is the run's own, not loopback."""
    capabilities: dict[type, Any] = {}
    if own or may_administer_network():
        capabilities[Sockets] = BrokerSockets(network.hosts["broker"], network.broker)
    if not proxied and own and why_no_rules() is None:
        firewall = BrokerFirewall(
            network.broker, passing=network.hosts["gateway"], sockets=network.hosts["broker"]
        )
        capabilities |= dict.fromkeys((Firewall, Flows, Conntrack), firewall)
    if own:
        capabilities[Wiretap] = HostWiretap(network.hosts["broker"])
    vantage = ServiceVantage(network.hosts, network.proxy if proxied else network.broker)
    stack.callback(vantage.close)
    capabilities[Vantage] = vantage
    return capabilities
