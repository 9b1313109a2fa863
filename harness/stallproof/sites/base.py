"""What a site is asked for and what it brings up: the values, and the protocols of both.

Site.boot(spec) -> System
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple, Protocol, TypeVar

import msgspec

from stallproof.clock import Clock
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


def named(links: Sequence[Link]) -> str:
    """They in words: 'every link', or each by name."""
    return "every link" if set(links) == set(EVERY) else ", ".join(links)


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
    front: bool = False
    """Something stands before the API, as Google's front end does."""
    shim: str | None = None
    """The clock's library; needed where the recorder's clock is faster than real time."""
    liveness: Liveness | None = Liveness()
    run_dir: str
    """Where logs go. Scratch space (broker data, database, ledger) is the site's own affair."""


class CapabilityMissingError(Exception):
    """The site cannot do what a fault needs. `str()` is the capability's name."""


class Instance(Protocol):
    """A service's container instance, or all of them. The site starts one again when it exits."""

    @property
    def starts(self) -> int:
        """How often its process has been started."""

    @property
    def exits(self) -> Sequence[int]:
        """Exit codes so far, in order of time (negative: the signal that ended it)."""


class HealthPort(NamedTuple):
    """Where an instance answers `GET /health`."""

    instance: str
    """Its id in the history."""
    url: str


C = TypeVar("C")


class System(Protocol):
    """A booted system. It came up through `Site.boot` and goes down when that context ends."""

    @property
    def clock(self) -> Clock:
        """The system's own time. A fault that lasts or waits does so in it."""

    @property
    def api_url(self) -> str:
        """Base URL of the API, as the harness reaches it."""

    def health_ports(self, service: str) -> Sequence[HealthPort]:
        """Those of the service's instances just now, without such as were told to end."""

    @property
    def instances(self) -> Mapping[str, Instance]:
        """Per service (`api`, `worker`)."""

    @property
    def ledger(self) -> Path:
        """The append-only file the worker writes task starts and ends to."""

    def offers(self, capability: type) -> bool:
        """Whether `use` answers it."""

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
        """Whether a system booted here will have the capability, as far as can be told before."""

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
