"""The local site: broker, Toxiproxy, API and worker in one process tree of the run's own.

`boot` runs inside an enclosure (`namespaces.command_enclosed`), whose network it builds
(`network.py`) and whose end is the end of everything it started. Where namespaces are
refused, `LocalSite(namespaces=False)` runs the same on loopback, without the kernel plane.
"""

from __future__ import annotations

import contextlib
import secrets
import tempfile
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import ExitStack, asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any, TypeVar, cast

import anyio
from anyio import to_thread

from stallproof.history import Recorder
from stallproof.sites import kernel_calls as kernel
from stallproof.sites.base import (
    Address,
    BrokerCommands,
    BrokerProcess,
    CapabilityMissingError,
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
from stallproof.sites.brokers import BrokerServer
from stallproof.sites.environment import environment_of
from stallproof.sites.firewall import BrokerFirewall, why_no_rules
from stallproof.sites.instances import LocalInstance
from stallproof.sites.logs import ServiceLog
from stallproof.sites.namespaces import check_enclosed
from stallproof.sites.network import Network, loopback, namespaced
from stallproof.sites.proxyserver import ToxiproxyServer
from stallproof.sites.redact import redactor
from stallproof.sites.sockets import BrokerSockets, may_administer_network
from stallproof.sites.vantage import ServiceVantage

C = TypeVar("C")

SERVICES = ("api", "worker")
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
        return capability in (BrokerProcess, BrokerCommands, Proxies, Vantage)

    @asynccontextmanager
    async def boot(self, spec: SystemSpec, recorder: Recorder) -> AsyncIterator[LocalSystem]:
        scratch = check_enclosed(namespaces=self._namespaces)
        with ExitStack() as stack:
            try:
                system = await to_thread.run_sync(_build, spec, recorder, stack, scratch)
                yield system
            finally:
                with anyio.CancelScope(shield=True):
                    await to_thread.run_sync(stack.close)


class LocalSystem:
    """`System`: what `LocalSite.boot` brought up."""

    def __init__(
        self,
        *,
        network: Network,
        instances: Mapping[str, LocalInstance],
        capabilities: Mapping[type, object],
        ledger: Path,
        boot_stages_s: Mapping[str, float],
    ) -> None:
        self._network = network
        self._capabilities = capabilities
        self.instances = instances
        self.ledger = ledger
        self.boot_stages_s = boot_stages_s
        """How long each stage of the boot took, in seconds and in order."""

    @property
    def api_url(self) -> str:
        return _url(self._network.service["api"])

    @property
    def health_urls(self) -> Mapping[str, str]:
        return {service: _url(self._network.service[service]) + "/health" for service in SERVICES}

    def use(self, capability: type[C]) -> C:
        try:
            return cast("C", self._capabilities[capability])
        except KeyError:
            raise CapabilityMissingError(capability.__name__) from None


def _build(
    spec: SystemSpec, recorder: Recorder, stack: ExitStack, guarded_scratch: Path | None
) -> LocalSystem:
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

    with _timed(stages, "network"):
        network = stack.enter_context(loopback() if guarded_scratch else namespaced())

    with _timed(stages, "broker"):
        broker = BrokerServer(
            spec.broker_binary,
            folder=scratch / "broker",
            host=network.hosts["broker"],
            links=network.broker,
            password=password,
            persistence=spec.persistence,
            log=broker_log,
            on_unexpected_exit=lambda code: broker_log.note("error", f"exited by itself: {code}"),
        )
        stack.callback(broker.close)
        broker.spawn()

    capabilities: dict[type, Any] = {BrokerProcess: broker, BrokerCommands: broker.control}
    if proxy_log is not None:
        assert spec.toxiproxy_binary is not None
        with _timed(stages, "proxies"):
            proxies = ToxiproxyServer(
                spec.toxiproxy_binary,
                host=network.hosts["gateway"],
                folder=scratch,
                control=network.control,
                listen=network.proxy,
                log=proxy_log,
                on_unexpected_exit=lambda code: proxy_log.note(
                    "error", f"exited by itself: {code}"
                ),
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
    with _timed(stages, "broker answers"):
        broker.wait_for_pong()

    ledger = scratch / "ledger.jsonl"
    ledger.touch()
    instances: dict[str, LocalInstance] = {}
    with _timed(stages, "services started"):
        for service in spec.services:
            instances[service] = LocalInstance(
                service,
                argv=[spec.python, "-m", "storymimi"],
                env=environment_of(
                    service,
                    spec=spec,
                    at=network.proxy if proxied else network.broker,
                    port=network.service[service].port,
                    password=password,
                    scratch=scratch,
                    ledger=ledger,
                ),
                cwd=scratch,
                host=network.hosts[service],
                address=network.service[service],
                liveness=spec.liveness if service == "worker" else None,
                recorder=recorder,
                log=open_log(service),
            )
            stack.callback(instances[service].close)
    return LocalSystem(
        network=network,
        instances=instances,
        capabilities=capabilities,
        ledger=ledger,
        boot_stages_s=stages,
    )


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


@contextmanager
def _timed(stages: dict[str, float], stage: str) -> Iterator[None]:
    start = time.monotonic()
    yield
    stages[stage] = time.monotonic() - start


def _url(address: Address) -> str:
    return f"http://{address.host}:{address.port}"
