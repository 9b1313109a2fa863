"""How each container of a run is started."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from pathlib import PurePosixPath

from stallproof.sites import images
from stallproof.sites.base import SystemSpec
from stallproof.sites.brokers import broker_config
from stallproof.sites.docker.containers import Blueprint, ContainerLife, remove
from stallproof.sites.docker.holder import Holder
from stallproof.sites.docker.network import Plan
from stallproof.sites.life import Life, OnExit, Start
from stallproof.sites.logs import ServiceLog

DATA = PurePosixPath("/data")
"""Where the services have their volume, and the broker its own."""
CONFIG = "/etc/stallproof/broker.conf"


def broker(
    spec: SystemSpec,
    plan: Plan,
    holder: Holder,
    stack: ExitStack,
    *,
    run: str,
    volume: str,
    password: str,
    log: ServiceLog,
) -> Start:
    """The broker, on the holder's network. One container, removed with the stack, many lives."""
    config = broker_config(
        listen=[plan.control.host, *(address.host for address in plan.broker.values())],
        port=plan.control.port,
        password=password,
        persistence=spec.persistence,
        folder=str(DATA),
    )
    blueprint = Blueprint(
        images.BROKER,
        run=run,
        network=f"container:{holder.id}",
        command=[spec.broker_binary, CONFIG],
        volumes={volume: str(DATA)},
        files={CONFIG: config.encode()},
    )
    made = blueprint.make()
    stack.callback(remove, made)

    def start(on_exit: OnExit) -> Life:
        return ContainerLife(made, log=log, on_exit=on_exit, kept=True)

    return start


def toxiproxy(plan: Plan, *, run: str, log: ServiceLog) -> Start:
    """Toxiproxy, with no proxies yet."""
    blueprint = Blueprint(
        images.TOXIPROXY,
        run=run,
        network=plan.name,
        address=plan.toxiproxy.host,
        command=["-host=0.0.0.0", f"-port={plan.toxiproxy.port}"],
    )

    def start(on_exit: OnExit) -> Life:
        env = {"LOG_LEVEL": "info"}  # its default is every read
        return ContainerLife(blueprint.make(env), log=log, on_exit=on_exit)

    return start


def service(
    spec: SystemSpec,
    plan: Plan,
    name: str,
    env: dict[str, str],
    *,
    run: str,
    volume: str,
    log: ServiceLog,
) -> Callable[[str, OnExit], Life]:
    """`api` or `worker`: a new container of the system's image each time, by the instance's id."""
    assert spec.image is not None
    blueprint = Blueprint(
        spec.image,
        run=run,
        network=plan.name,
        address=plan.service[name].host,
        volumes={volume: str(DATA)},
    )

    def start(instance_id: str, on_exit: OnExit) -> Life:
        made = blueprint.make(env | {"INSTANCE_ID": instance_id})
        return ContainerLife(made, log=log, on_exit=on_exit)

    return start
