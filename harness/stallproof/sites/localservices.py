"""The API and the worker as processes of this machine."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from stallproof.history import Recorder
from stallproof.sites import processes
from stallproof.sites.base import Route, SystemSpec
from stallproof.sites.environment import environment_of, surroundings
from stallproof.sites.fleet import Fleet, instance_ids
from stallproof.sites.instances import SupervisedInstance
from stallproof.sites.logs import ServiceLog
from stallproof.sites.network import Network
from stallproof.sites.timekeeping import Pace


@dataclass(frozen=True, kw_only=True)
class LocalServices:
    """What it takes to start one: all of a run that its services share."""

    spec: SystemSpec
    network: Network
    recorder: Recorder
    pace: Pace
    scratch: Path
    password: str
    ledger: Path
    open_log: Callable[[str], ServiceLog]

    def fleet(self, service: str) -> Fleet:
        """The service, with one instance."""
        return Fleet(self._instance(service, ids=instance_ids(service)))

    def _instance(self, service: str, *, ids: Iterator[str]) -> SupervisedInstance:
        spec, network = self.spec, self.network
        host, address = network.hosts[service], network.service[service]
        log = self.open_log(service)
        env = surroundings(spec, home=self.scratch, clock=self.pace.env_of(service))
        env |= environment_of(
            service,
            spec=spec,
            at=network.proxy if spec.route is Route.PROXIED else network.broker,
            port=address.port,
            password=self.password,
            folder=self.scratch,
            ledger=self.ledger,
        )
        return SupervisedInstance(
            service,
            ids=ids,
            start=processes.service(spec, host, env, self.scratch, log),
            address=address,
            liveness=spec.liveness if service == "worker" else None,
            recorder=self.recorder,
            log=log,
        )
