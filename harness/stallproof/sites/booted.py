"""A booted system, whatever brought it up."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Protocol, TypeVar, cast

from stallproof.clock import Clock
from stallproof.history import Recorder
from stallproof.sites.base import Address, CapabilityMissingError, HealthPort
from stallproof.sites.capabilities import FrontEnd, Routing
from stallproof.sites.fleet import Fleet
from stallproof.sites.front import Front
from stallproof.sites.logs import ServiceLog
from stallproof.sites.redact import redactor

C = TypeVar("C")

SERVICES = ("api", "worker")


class LogOpener(Protocol):
    """Opens the log of a service's n-th instance, counted from 1."""

    def __call__(self, service: str, number: int = 1) -> ServiceLog: ...


def log_opener(run_dir: Path, stack: ExitStack, *, recorder: Recorder, password: str) -> LogOpener:
    """Opens logs below the run's folder; they are closed with the stack."""
    logs = run_dir / "logs"
    logs.mkdir(parents=True, exist_ok=True)
    redact = redactor([password])

    def open_log(service: str, number: int = 1) -> ServiceLog:
        log = ServiceLog(
            logs,
            service=service,
            number=number,
            recorder=recorder,
            redact=redact,
            watched=service in SERVICES,
        )
        stack.callback(log.close)
        return log

    return open_log


class BootedSystem:
    """`System`: what a site's `boot` brought up."""

    def __init__(
        self,
        *,
        clock: Clock,
        service: Mapping[str, Address],
        instances: Mapping[str, Fleet],
        capabilities: Mapping[type, object],
        ledger: Path,
        boot_stages_s: Mapping[str, float],
    ) -> None:
        self.clock = clock
        self.service = service
        """Where `api` and `worker` answer HTTP, as the harness reaches them."""
        self._capabilities = dict(capabilities)
        self._front: Front | None = None
        self.instances = instances
        self.ledger = ledger
        self.boot_stages_s = boot_stages_s
        """How long each stage of the boot took, in seconds and in order."""

    def put_before_api(self, front: Front) -> None:
        """Clients reach the API through it from now on."""
        self._front = front
        self._capabilities |= {FrontEnd: front, Routing: front.router}

    @property
    def api_url(self) -> str:
        return _url(self.service["api"] if self._front is None else self._front.address)

    def health_ports(self, service: str) -> Sequence[HealthPort]:
        return [
            HealthPort(instance.id, _url(instance.address) + "/health")
            for instance in self.instances[service].kept
        ]

    def offers(self, capability: type) -> bool:
        return capability in self._capabilities

    def use(self, capability: type[C]) -> C:
        try:
            return cast("C", self._capabilities[capability])
        except KeyError:
            raise CapabilityMissingError(capability.__name__) from None


@contextmanager
def timed(stages: dict[str, float], stage: str) -> Iterator[None]:
    """Note how long a stage of the boot took."""
    start = time.monotonic()
    yield
    stages[stage] = time.monotonic() - start


def _url(address: Address) -> str:
    return f"http://{address.host}:{address.port}"
