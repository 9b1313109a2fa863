"""The local site: broker, Toxiproxy, API and worker in one process tree of the run's own.

`boot` runs inside an enclosure (`namespaces.command_enclosed`), whose network it builds
(`network.py`) and whose end is the end of everything it started. Where namespaces are
refused, `LocalSite(namespaces=False)` runs the same on loopback, without the kernel plane.
"""

from __future__ import annotations

import contextlib
import secrets
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import anyio
from anyio import to_thread

from stallproof.history import Recorder
from stallproof.sites import kernel_calls as kernel
from stallproof.sites.base import (
    BrokerCommands,
    BrokerProcess,
    Conntrack,
    Firewall,
    Flows,
    Proxies,
    Route,
    SiteError,
    Sockets,
    SystemSpec,
    Vantage,
)
from stallproof.sites.booted import SERVICES, BootedSystem, timed
from stallproof.sites.environment import environment_of, surroundings
from stallproof.sites.firewall import BrokerFirewall, why_no_rules
from stallproof.sites.hosts import Host
from stallproof.sites.instances import SupervisedInstance
from stallproof.sites.life import Life, OnExit, Start
from stallproof.sites.localbroker import local_broker
from stallproof.sites.logs import ServiceLog
from stallproof.sites.namespaces import check_enclosed
from stallproof.sites.network import Network, loopback, namespaced
from stallproof.sites.process import Process
from stallproof.sites.proxyserver import ToxiproxyServer
from stallproof.sites.redact import redactor
from stallproof.sites.sockets import BrokerSockets, may_administer_network
from stallproof.sites.vantage import ServiceVantage

_SCRATCH_BYTES = 1024**3


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
        return "" if capability in (BrokerProcess, BrokerCommands, Proxies, Vantage) else None

    @asynccontextmanager
    async def boot(self, spec: SystemSpec, recorder: Recorder) -> AsyncIterator[BootedSystem]:
        scratch = check_enclosed(namespaces=self._namespaces)
        with ExitStack() as stack:
            try:
                system = await to_thread.run_sync(_build, spec, recorder, stack, scratch)
                yield system
            finally:
                with anyio.CancelScope(shield=True):
                    await to_thread.run_sync(stack.close)


def _build(
    spec: SystemSpec, recorder: Recorder, stack: ExitStack, guarded_scratch: Path | None
) -> BootedSystem:
    """Bring everything up, registering on the stack how it goes down again (in any state)."""
    stages: dict[str, float] = {}
    proxied = spec.route is Route.PROXIED
    if proxied and spec.toxiproxy_binary is None:
        raise SiteError("the proxied route needs Toxiproxy, and no binary of it was found")
    folder = Path(spec.run_dir).absolute()
    scratch = stack.enter_context(_scratch(folder, guarded_scratch))
    logs = folder / "logs"
    logs.mkdir(parents=True, exist_ok=True)
    password = secrets.token_hex(16)

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

    broker_log, proxy_log = open_log("broker"), open_log("toxiproxy") if proxied else None

    with timed(stages, "network"):
        network = stack.enter_context(loopback() if guarded_scratch else namespaced())

    with timed(stages, "broker"):
        broker = stack.enter_context(
            local_broker(
                spec.broker_binary,
                folder=scratch / "broker",
                host=network.hosts["broker"],
                links=network.broker,
                password=password,
                persistence=spec.persistence,
                log=broker_log,
                on_unexpected_exit=broker_log.note_exit,
            )
        )
        broker.spawn()

    capabilities: dict[type, Any] = {BrokerProcess: broker, BrokerCommands: broker.control}
    if proxy_log is not None:
        with timed(stages, "proxies"):
            proxies = ToxiproxyServer(
                start=_toxiproxy(spec, network, scratch, proxy_log),
                control=network.control,
                listen=network.proxy,
                log=proxy_log,
                on_unexpected_exit=proxy_log.note_exit,
            )
            stack.callback(proxies.close)
            proxies.open_proxies(network.broker)
        capabilities[Proxies] = proxies
    if guarded_scratch is None or may_administer_network():
        capabilities[Sockets] = BrokerSockets(network.hosts["broker"], network.broker)

    if not proxied and guarded_scratch is None and why_no_rules() is None:
        firewall = BrokerFirewall(
            network.broker, passing=network.hosts["gateway"], sockets=network.hosts["broker"]
        )
        capabilities |= dict.fromkeys((Firewall, Flows, Conntrack), firewall)
    vantage = ServiceVantage(network.hosts, network.proxy if proxied else network.broker)
    stack.callback(vantage.close)
    capabilities[Vantage] = vantage

    # Only now the services: one that started a moment too early would see a refused
    # connection, and the run a fault that nobody scheduled. It costs them milliseconds.
    with timed(stages, "broker answers"):
        broker.wait_for_pong()

    ledger = scratch / "ledger.jsonl"
    ledger.touch()
    at = network.proxy if proxied else network.broker
    instances: dict[str, SupervisedInstance] = {}
    with timed(stages, "services started"):
        for service in spec.services:
            log = open_log(service)
            env = surroundings(spec, home=scratch) | environment_of(
                service,
                spec=spec,
                at=at,
                port=network.service[service].port,
                password=password,
                folder=scratch,
                ledger=ledger,
            )
            instances[service] = SupervisedInstance(
                service,
                start=_service(spec, network.hosts[service], env, scratch, log),
                address=network.service[service],
                liveness=spec.liveness if service == "worker" else None,
                recorder=recorder,
                log=log,
            )
            stack.callback(instances[service].close)
    return BootedSystem(
        service=network.service,
        instances=instances,
        capabilities=capabilities,
        ledger=ledger,
        boot_stages_s=stages,
    )


def _toxiproxy(spec: SystemSpec, network: Network, folder: Path, log: ServiceLog) -> Start:
    assert spec.toxiproxy_binary is not None
    at = network.control
    argv = [spec.toxiproxy_binary, "-host", at.host, "-port", str(at.port)]
    env = {"LANG": "C.UTF-8", "LOG_LEVEL": "info"}  # its default is every read
    host = network.hosts["gateway"]

    def start(on_exit: OnExit) -> Life:
        return Process(argv, env=env, cwd=folder, host=host, log=log, on_exit=on_exit)

    return start


def _service(
    spec: SystemSpec, host: Host, env: dict[str, str], folder: Path, log: ServiceLog
) -> Callable[[str, OnExit], Life]:
    argv = [spec.python, "-m", "storymimi"]

    def start(instance_id: str, on_exit: OnExit) -> Life:
        own = env | {"INSTANCE_ID": instance_id}
        return Process(argv, env=own, cwd=folder, host=host, log=log, on_exit=on_exit)

    return start


@contextmanager
def _scratch(run_dir: Path, guarded: Path | None) -> Iterator[Path]:
    """A directory for broker data, database and ledger that does not outlive the run."""
    if guarded is not None:
        # The guardians remove it, also when this process has no time to.
        with tempfile.TemporaryDirectory(dir=guarded, ignore_cleanup_errors=True) as name:
            yield Path(name)
        return
    scratch = run_dir / "scratch"
    try:
        scratch.mkdir(parents=True, exist_ok=True)
        kernel.mount_tmpfs(str(scratch), size_bytes=_SCRATCH_BYTES)
    except OSError as error:
        raise SiteError(f"no scratch space: {error.strerror}") from error
    try:
        yield scratch
    finally:
        kernel.unmount(str(scratch))
        with contextlib.suppress(OSError):
            scratch.rmdir()
