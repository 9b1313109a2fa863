"""What a site offers: a booted system, and the small capabilities that faults act through.

A fault knows a site only by the protocols below. A site that lacks one says so,
and the scenario that needs it is reported `unknown: needs X`, never skipped.

    Site.boot(spec) -> System -> System.use(BrokerProcess).kill()
"""

from __future__ import annotations

import socket
from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from enum import StrEnum
from pathlib import Path
from typing import Protocol, TypeVar, runtime_checkable

import msgspec

from stallproof.clock import ArmedTimer, Clock
from stallproof.history import Recorder


class Link(StrEnum):
    """One way from a service to the broker. Each has an address of its own on the
    broker's host, so that a connection tells by its local address whose it is.
    """

    API_BROKER = "api-broker"
    API_BACKEND = "api-backend"
    WORKER_BROKER = "worker-broker"
    WORKER_BACKEND = "worker-backend"


API = (Link.API_BROKER, Link.API_BACKEND)
WORKER = (Link.WORKER_BROKER, Link.WORKER_BACKEND)
BACKEND = (Link.API_BACKEND, Link.WORKER_BACKEND)
EVERY = tuple(Link)


class Route(StrEnum):
    """How the services reach the broker during a run."""

    PROXIED = "proxied"
    """Through Toxiproxy: its toxics work, kernel faults would hit only the proxy."""
    DIRECT = "direct"
    """Straight through the gateway: kernel faults work, and a broker that is down refuses."""


class Way(StrEnum):
    """The direction of a packet on a link."""

    BOTH = "both"
    TO_BROKER = "to-broker"
    TO_CLIENT = "to-client"


class Persistence(StrEnum):
    """What the broker keeps over a restart."""

    NONE = "none"
    AOF = "aof"


class Address(msgspec.Struct, frozen=True):
    """A TCP address as seen from the harness."""

    host: str
    port: int


class Liveness(msgspec.Struct, frozen=True, kw_only=True):
    """Cloud Run's liveness probe on the worker's `GET /health`; its defaults are Cloud Run's.

    Counted from the first 200. After `failure_threshold` failures in a row the
    instance is killed and started again.
    Source: https://cloud.google.com/run/docs/configuring/healthchecks
    """

    period_s: float = 10.0
    timeout_s: float = 1.0
    failure_threshold: int = 3


class SystemSpec(msgspec.Struct, frozen=True, kw_only=True):
    """Everything a site needs to know to boot the system once."""

    profile: str
    """Name of the Celery profile; the system knows what is in it."""
    python: str
    """Interpreter of the stack that the system's processes run on; in the image if there is one."""
    image: str | None = None
    """The image that the system ships in, on sites that run it from one."""
    python_path: str | None = None
    """`PYTHONPATH` for them, when the stack's own environment does not hold the system."""
    services: tuple[str, ...] = ("api", "worker")
    """Those to start; none leaves a broker with the ways to it, for calibration."""
    worker_args: tuple[str, ...] = ()
    """Worker flags in addition to the profile's."""
    env: dict[str, str] = {}
    """More environment for both services (setting overrides, for instance)."""
    route: Route = Route.DIRECT
    persistence: Persistence = Persistence.AOF
    task_s: float = 0.2
    """How long one story takes with the offline providers, in seconds."""
    broker_binary: str
    """Path of the server; its name in the broker's image on sites that run it from one."""
    toxiproxy_binary: str | None = None
    shim: str | None = None
    """The clock's library; needed where the recorder's clock is faster than real time."""
    liveness: Liveness | None = Liveness()
    run_dir: str
    """Where logs go. Scratch space (broker data, database, ledger) is the site's own affair."""


class CapabilityMissingError(Exception):
    """The site cannot do what a fault needs. `str()` is the capability's name."""


@runtime_checkable
class BrokerProcess(Protocol):
    """The broker's own process."""

    async def kill(self) -> None:
        """SIGKILL and wait until it is gone."""

    async def stop(self) -> None:
        """SIGTERM (the broker saves what its persistence says) and wait until it is gone."""

    async def start(self, *, empty: bool = False) -> None:
        """Start it again on the same addresses and wait for PONG; `empty` drops its data first."""


@runtime_checkable
class BrokerCommands(Protocol):
    """Redis commands over a way that no fault touches (a Unix socket on the local site)."""

    async def execute(self, *command: str | int) -> object:
        """The decoded reply.

        Raises:
            ConnectionError: the broker is down.
            redis.ResponseError: the broker refused the command.
        """

    def address_of(self, link: Link) -> Address:
        """The broker's own address on that link: the `laddr` of its clients."""


@runtime_checkable
class Proxies(Protocol):
    """A real Toxiproxy server with one proxy a link. Offered only on the proxied route."""

    @property
    def control(self) -> Address:
        """Toxiproxy's HTTP API."""

    def name_of(self, link: Link) -> str:
        """The proxy's name in Toxiproxy."""

    def listen_of(self, link: Link) -> Address:
        """Where that proxy accepts connections, as the harness reaches it (for wire probes)."""


@runtime_checkable
class Sockets(Protocol):
    """The kernel's TCP sockets on the broker's host. Useful only on the direct route."""

    async def idle_for_s(self, link: Link) -> Sequence[float]:
        """For each established socket of the link: seconds since data last crossed it."""

    async def destroy(self, link: Link, *, min_idle_s: float = 0.0) -> int:
        """SOCK_DESTROY them: the peer gets a real RST. Answers how many there were."""


@runtime_checkable
class Instances(Protocol):
    """The services' instances, to be ended as Cloud Run ends them."""

    async def kill(self, service: str) -> bool:
        """SIGKILL every process of the instance and wait until it has exited. False: none ran.

        The site starts the instance again, like after any exit.
        """


@runtime_checkable
class KernelTimers(Protocol):
    """The timers of the kernel that the system armed. Offered where system time is faster."""

    def armed(self) -> Sequence[ArmedTimer]:
        """Those of all services so far."""


class Impediment(msgspec.Struct, frozen=True, kw_only=True):
    """What the network does to the packets of some links for a while."""

    links: tuple[Link, ...]
    way: Way = Way.BOTH
    only_new: bool = False
    """Only the packet that opens a connection; those that are open go on."""
    refuses: bool = False
    """Answer with a reset. Otherwise the packet vanishes."""
    percent: float = 100.0
    """Of the packets, drawn at random."""


@runtime_checkable
class Firewall(Protocol):
    """Packet rules between the services and the broker. Useful only on the direct route."""

    async def impose(self, name: str, impediment: Impediment) -> None:
        """Put it in force under a name of its own; again under the same name: nothing."""

    async def lift(self, name: str) -> bool:
        """Take it off; False: there was none of that name."""

    async def hits(self, name: str) -> int:
        """How many packets it has stopped so far."""


@runtime_checkable
class Flows(Protocol):
    """The connections that exist at a moment, seen from the middle of the network."""

    async def cut(self, links: Sequence[Link], *, way: Way, reset: bool = False) -> Sequence[str]:
        """From now on, and for good, each packet of theirs in that direction vanishes.

        With `reset` its sender is answered by RST. New connections are not touched. Answers the
        clients (`ip:port`) that were not cut before. Never undone: a healed flow resumes by
        retransmission and hides the loss.
        """


@runtime_checkable
class Conntrack(Protocol):
    """The network's memory of connections, as a NAT or a stateful firewall has it."""

    async def forget_idle(self, links: Sequence[Link], *, idle_s: int, client_renews: bool) -> None:
        """Forget a connection over which nothing went for that long (keepalive probes count).

        What then comes of it vanishes; with `client_renews` only what comes from the
        broker does, until the client sends one packet, which renews it. Connections that were
        idle before count from now.
        """

    async def remember(self, links: Sequence[Link]) -> None:
        """Forget idle ones no longer. What is forgotten stays so."""

    async def flush(self, links: Sequence[Link]) -> Sequence[str]:
        """Forget every connection of the links at once, for good. Answers their clients."""


@runtime_checkable
class Vantage(Protocol):
    """A place where the services stand, for bare clients that show what the wire does."""

    def address_of(self, link: Link) -> Address:
        """Where the link's service reaches the broker: the broker itself, or its proxy."""

    def open_socket(self, link: Link) -> socket.socket:
        """An unconnected TCP socket in the network of the link's service; the caller's to close."""

    async def connect(self, link: Link) -> str:
        """Open a bare connection there that is kept until the system goes down; its `ip:port`.

        Raises:
            OSError: it does not connect, or gets no answer to its HELLO.
        """

    def kept(self, name: str) -> socket.socket | None:
        """The connection of that name; None: it is not one of these."""


class Instance(Protocol):
    """One container instance of a service. The site starts it again when it exits."""

    @property
    def starts(self) -> int:
        """How often its process has been started."""

    @property
    def exits(self) -> Sequence[int]:
        """Exit codes so far (negative: the signal that ended it)."""


C = TypeVar("C")


class System(Protocol):
    """A booted system. It came up through `Site.boot` and goes down when that context ends."""

    @property
    def clock(self) -> Clock:
        """The system's own time. A fault that lasts or waits does so in it."""

    @property
    def api_url(self) -> str:
        """Base URL of the API, as the harness reaches it."""

    @property
    def health_urls(self) -> Mapping[str, str]:
        """Per service (`api`, `worker`): its `GET /health`."""

    @property
    def instances(self) -> Mapping[str, Instance]:
        """Per service (`api`, `worker`)."""

    @property
    def ledger(self) -> Path:
        """The append-only file the worker writes task starts and ends to."""

    def use(self, capability: type[C]) -> C:
        """The capability itself.

        Raises:
            CapabilityMissingError: this site does not have it.
        """


class Site(Protocol):
    """Where the system runs."""

    @property
    def name(self) -> str: ...

    def offers(self, capability: type) -> bool:
        """Whether a system booted here will have the capability; asked before any boot."""

    def condition(self, capability: type) -> str | None:
        """On what `offers` depends, in words: empty, it is always there; None, it never is."""

    def boot(self, spec: SystemSpec, recorder: Recorder) -> AbstractAsyncContextManager[System]:
        """Start broker, proxy, API and worker, without waiting for the last two to be ready.

        They live in the time of the recorder's clock.

        Instance starts, exits and restarts, and each log line that matters, go to the
        recorder. On leaving the context everything is gone.

        Raises:
            SiteError: a part of the site (not of the system) would not start.
        """


class SiteError(Exception):
    """The harness's own ground gave way: no verdict can be had. One line: what, and what to do."""
