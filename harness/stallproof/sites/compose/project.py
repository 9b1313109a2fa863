"""A run's project: Compose creates it from docker-compose.test.yml, and we start what is in it."""

from __future__ import annotations

import io
import secrets
import shlex
import tarfile
from collections.abc import Callable, Mapping
from contextlib import ExitStack

import docker
from docker.models.containers import Container
from testcontainers.core.labels import LABEL_SESSION_ID, create_labels

from stallproof.sites import images
from stallproof.sites.base import Address, Link, Persistence, Route, SiteError, SystemSpec
from stallproof.sites.compose.command import (
    Compose,
    ComposeError,
    default_file,
    exported,
    find_command,
)
from stallproof.sites.docker.containers import ContainerLife
from stallproof.sites.docker.engine import explained
from stallproof.sites.docker.holder import AGENT, BROKER_DATA, DATA, HOME, Holder, agent_files
from stallproof.sites.docker.network import OVERLAPS, Plan, candidates
from stallproof.sites.life import Life, OnExit, Start
from stallproof.sites.logs import ServiceLog

PROJECT_LABEL = "com.docker.compose.project"
SERVICE_LABEL = "com.docker.compose.service"
CREATE = "up --no-start --no-deps"
BROKER = "broker"
BEFORE = "broker-host toxiproxy api worker"
"""Created first: Compose v1 puts the broker on the network of a host that runs, or of none."""
REMOVE = "down --volumes --timeout 0"


class Project:
    """`Containers`: those of a project of the run's own."""

    def __init__(
        self,
        stack: ExitStack,
        *,
        client: docker.DockerClient,
        spec: SystemSpec,
        run: str,
        password: str,
    ) -> None:
        self._client = client
        self._spec = spec
        self._name = f"stallproof{secrets.token_hex(6)}"
        self._compose = Compose(find_command(), file=default_file(), project=self._name)
        self.plan = self._create(stack, run=run, password=password)

    def _create(self, stack: ExitStack, *, run: str, password: str) -> Plan:
        removed = False
        for net in candidates():
            plan = Plan(name=f"{self._name}_default", net=net)
            # Also `down` reads the file, so they stay until it is done.
            stack.enter_context(exported(variables(self._spec, plan, run=run, password=password)))
            if not removed:
                stack.callback(self._compose.do, REMOVE)
                removed = True
            try:
                self._compose.do(f"{CREATE} {BEFORE}")
            except ComposeError as error:
                if OVERLAPS not in error.said:
                    raise
            else:
                return plan
        raise AssertionError("candidates end with an error")

    def holder(self) -> Holder:
        created = self._created("broker-host")
        with explained("copy the agent to the broker's host"):
            created.get_wrapped_container().put_archive("/", _archive(agent_files()))
        return Holder(created, plan=self.plan, folders=[str(DATA), str(BROKER_DATA)])

    def broker(self, holder: Holder, log: ServiceLog) -> Start:
        self._compose.do(f"{CREATE} {BROKER}")
        created = self._created(BROKER)
        mode = created.get_wrapped_container().attrs["HostConfig"]["NetworkMode"]
        if mode != f"container:{holder.id}":
            raise SiteError(f"compose: the broker is on {mode}, not on the network of broker-host")
        return self._start(created, log)

    def toxiproxy(self, log: ServiceLog) -> Start:
        return self._start(self._created("toxiproxy"), log)

    def service(
        self, name: str, env: Mapping[str, str], log: ServiceLog
    ) -> Callable[[str, OnExit], Life]:
        """One container, started again after each exit as its restart policy would.

        Raises:
            SiteError: the file gives it another environment than the run asks for.
        """
        created = self._created(name)
        given = dict(
            line.split("=", 1) for line in created.get_wrapped_container().attrs["Config"]["Env"]
        )
        other = sorted(key for key in env if given.get(key) != env[key])
        if other:
            raise SiteError(
                f"compose: {default_file()} gives {name} another {', '.join(other)} than this "
                "run asks for"
            )
        start = self._start(created, log)
        return lambda _instance_id, on_exit: start(on_exit)

    def _start(self, created: Created, log: ServiceLog) -> Start:
        return lambda on_exit: ContainerLife(created, log=log, on_exit=on_exit, kept=True)

    def _created(self, service: str) -> Created:
        wanted = [f"{PROJECT_LABEL}={self._name}", f"{SERVICE_LABEL}={service}"]
        with explained(f"find the project's {service}"):
            found = self._client.containers.list(all=True, filters={"label": wanted})
        if len(found) != 1:
            raise SiteError(f"compose: there are {len(found)} containers of {service}, not one")
        return Created(found[0])


class Created:
    """`Made`: a container that Compose created."""

    def __init__(self, container: Container) -> None:
        self._container = container

    def get_wrapped_container(self) -> Container:
        return self._container

    def start(self) -> None:
        self._container.start()

    def stop(self) -> None:
        self._container.remove(force=True)


def variables(spec: SystemSpec, plan: Plan, *, run: str, password: str) -> dict[str, str]:
    """The run in the variables of docker-compose.test.yml: every one that it has."""
    assert spec.image is not None
    at = plan.proxy if spec.route is Route.PROXIED else plan.broker
    return {
        "STORYMIMI_IMAGE": spec.image,
        "BROKER_IMAGE": images.BROKER,
        "TOXIPROXY_IMAGE": images.TOXIPROXY,
        "STALLPROOF_RUN": run,
        "STALLPROOF_SESSION": create_labels("", {})[LABEL_SESSION_ID],
        "NET": plan.net,
        "API_PORT": "0",
        "WORKER_PORT": "0",
        "TOXIPROXY_PORT": "0",
        "BROKER_HOST": shlex.join(["env", f"PYTHONPATH={HOME}", spec.python, *AGENT]),
        "BROKER_PASSWORD": password,
        "BROKER_APPENDONLY": "yes" if spec.persistence is Persistence.AOF else "no",
        "RESTART": "no",  # the harness starts it again, as Cloud Run does
        # Cloud Run asks by its own probes, and so does the harness.
        "HEALTH_INTERVAL": "24h",
        "HEALTH_START_PERIOD": "1ms",
        "STORYMIMI_PROFILE": spec.profile,
        "STORYMIMI_WORKER_ARGS": shlex.join(spec.worker_args),
        "STORYMIMI_SET": "",
        "STORYMIMI_UNSET": "",
        "OFFLINE_DURATION_S": str(spec.task_s),
        **{link.name: _text(at[link]) for link in Link},
        **spec.env,
    }


def _text(address: Address) -> str:
    return f"{address.host}:{address.port}"


def _archive(files: Mapping[str, bytes]) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        for path, data in files.items():
            entry = tarfile.TarInfo(path.lstrip("/"))
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))
    return packed.getvalue()
