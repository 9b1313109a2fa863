"""How each service of a run is started as a process of this machine."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from stallproof.sites.base import SystemSpec
from stallproof.sites.hosts import Host
from stallproof.sites.life import Life, OnExit, Start
from stallproof.sites.logs import ServiceLog
from stallproof.sites.network import Network
from stallproof.sites.process import Process


def toxiproxy(spec: SystemSpec, network: Network, folder: Path, log: ServiceLog) -> Start:
    """Toxiproxy, with no proxies yet."""
    assert spec.toxiproxy_binary is not None
    at = network.control
    argv = [spec.toxiproxy_binary, "-host", at.host, "-port", str(at.port)]
    env = {"LANG": "C.UTF-8", "LOG_LEVEL": "info"}  # its default is every read
    host = network.hosts["gateway"]

    def start(on_exit: OnExit) -> Life:
        return Process(argv, env=env, cwd=folder, host=host, log=log, on_exit=on_exit)

    return start


def service(
    spec: SystemSpec, host: Host, env: dict[str, str], folder: Path, log: ServiceLog
) -> Callable[[str, OnExit], Life]:
    """`api` or `worker`: a new process each time, by the instance's id."""
    argv = [spec.python, "-m", "storymimi"]

    def start(instance_id: str, on_exit: OnExit) -> Life:
        own = env | {"INSTANCE_ID": instance_id}
        return Process(argv, env=own, cwd=folder, host=host, log=log, on_exit=on_exit)

    return start
