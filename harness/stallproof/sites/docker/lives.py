"""The containers of a run, as testcontainers makes them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager

import docker
from testcontainers.core.labels import create_labels

from stallproof.sites import images
from stallproof.sites.base import SystemSpec
from stallproof.sites.brokers import broker_config
from stallproof.sites.docker.containers import LABEL, Blueprint, ContainerLife, remove
from stallproof.sites.docker.engine import explained
from stallproof.sites.docker.holder import AGENT, BROKER_DATA, DATA, HOME, Holder, agent_files
from stallproof.sites.docker.network import network_of
from stallproof.sites.life import Life, OnExit, Start
from stallproof.sites.logs import ServiceLog

CONFIG = "/etc/stallproof/broker.conf"


class Lives:
    """`Containers`: each made by testcontainers, on a network and with volumes of the run's own."""

    def __init__(
        self,
        stack: ExitStack,
        *,
        client: docker.DockerClient,
        spec: SystemSpec,
        run: str,
        password: str,
    ) -> None:
        """What is made goes with the stack; `run` goes on its labels."""
        self._stack = stack
        self._spec = spec
        self._run = run
        self._password = password
        self._shared, self._kept = (stack.enter_context(_volume(client, run)) for _ in range(2))
        self.plan = stack.enter_context(network_of(run))

    def holder(self) -> Holder:
        assert self._spec.image is not None
        volumes = {self._shared: str(DATA), self._kept: str(BROKER_DATA)}
        blueprint = Blueprint(
            self._spec.image,
            run=self._run,
            network=self.plan.name,
            address=self.plan.control.host,
            entrypoint=[self._spec.python, *AGENT],
            command=[],
            volumes=volumes,
            files=agent_files(),
            user="0:0",
            working_dir="/",
            cap_add=["NET_ADMIN"],
            stdin_open=True,
        )
        made = blueprint.make({"PYTHONPATH": HOME})
        return Holder(made, plan=self.plan, folders=list(volumes.values()))

    def broker(self, holder: Holder, log: ServiceLog) -> Start:
        plan = self.plan
        config = broker_config(
            listen=[plan.control.host, *(address.host for address in plan.broker.values())],
            port=plan.control.port,
            password=self._password,
            persistence=self._spec.persistence,
            folder=str(DATA),
        )
        blueprint = Blueprint(
            images.BROKER,
            run=self._run,
            network=f"container:{holder.id}",
            command=[self._spec.broker_binary, CONFIG],
            volumes={self._kept: str(DATA)},
            files={CONFIG: config.encode()},
        )
        made = blueprint.make()
        self._stack.callback(remove, made)

        def start(on_exit: OnExit) -> Life:
            return ContainerLife(made, log=log, on_exit=on_exit, kept=True)

        return start

    def toxiproxy(self, log: ServiceLog) -> Start:
        plan = self.plan
        blueprint = Blueprint(
            images.TOXIPROXY,
            run=self._run,
            network=plan.name,
            address=plan.toxiproxy.host,
            command=["-host=0.0.0.0", f"-port={plan.toxiproxy.port}"],
        )

        def start(on_exit: OnExit) -> Life:
            env = {"LOG_LEVEL": "info"}  # its default is every read
            return ContainerLife(blueprint.make(env), log=log, on_exit=on_exit)

        return start

    def service(
        self, name: str, env: Mapping[str, str], log: ServiceLog
    ) -> Callable[[str, OnExit], Life]:
        """A new container of the system's image for each life, with the instance's id."""
        assert self._spec.image is not None
        blueprint = Blueprint(
            self._spec.image,
            run=self._run,
            network=self.plan.name,
            address=self.plan.service[name].host,
            volumes={self._shared: str(DATA)},
        )

        def start(instance_id: str, on_exit: OnExit) -> Life:
            made = blueprint.make({**env, "INSTANCE_ID": instance_id})
            return ContainerLife(made, log=log, on_exit=on_exit)

        return start


@contextmanager
def _volume(client: docker.DockerClient, run: str) -> Iterator[str]:
    with explained("make a volume"):
        volume = client.volumes.create(labels=create_labels("", {LABEL: run}))
    try:
        yield str(volume.name)
    finally:
        with explained("remove a volume"):
            volume.remove(force=True)
