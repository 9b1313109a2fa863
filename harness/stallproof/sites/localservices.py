"""The API and the worker as processes of this machine, as many instances as are asked for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from stallproof.history import Recorder
from stallproof.sites import processes
from stallproof.sites.base import Address, Route, SystemSpec
from stallproof.sites.booted import LogOpener
from stallproof.sites.environment import environment_of, surroundings
from stallproof.sites.fleet import Fleet, instance_ids
from stallproof.sites.hosts import Host
from stallproof.sites.instances import SupervisedInstance
from stallproof.sites.network import Network, Spot
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
    open_log: LogOpener
    hosts: dict[Address, Host] = field(default_factory=dict)
    """Where each instance lives, by where it answers HTTP."""

    def fleet(self, service: str) -> Fleet:
        """The service, with one instance."""
        ids = instance_ids(service)
        first = Spot(self.network.hosts[service], self.network.service[service])

        def more(number: int) -> SupervisedInstance:
            return self._instance(service, number, self.network.another(service), ids=ids)

        return Fleet(self._instance(service, 1, first, ids=ids), more=more)

    def _instance(
        self, service: str, number: int, spot: Spot, *, ids: Iterator[str]
    ) -> SupervisedInstance:
        spec, network = self.spec, self.network
        host, address = spot
        self.hosts[address] = host
        log = self.open_log(service, number)
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
