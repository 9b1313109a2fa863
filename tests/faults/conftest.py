"""A small real ground for faults: a broker with a password and a Toxiproxy, on loopback.

Every ground has a 127.a.b.0/24 of its own, in it an address a link for the broker and one for
its proxy, all at the usual port: grounds go side by side and no port is looked for.
"""

from __future__ import annotations

import ctypes
import multiprocessing
import os
import random
import secrets
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

import anyio
import anyio.to_thread
import pytest
from pyroute2 import IPRoute

from stallproof.clock import REAL
from stallproof.parts import find_broker, find_toxiproxy
from stallproof.sites import sockdiag
from stallproof.sites.base import EVERY, Address, CapabilityMissingError, HealthPort, Instance, Link
from stallproof.sites.brokerlogin import ServiceLogin
from stallproof.sites.brokers import BrokerControl
from stallproof.sites.brokersettings import KeptSettings
from stallproof.sites.toxiproxy_client import ToxiproxyClient

C = TypeVar("C")
T = TypeVar("T")


def start(*command: str) -> subprocess.Popen[bytes]:
    """A process that dies with this thread, even a killed one: call it from one that stays."""
    prctl = ctypes.CDLL(None).prctl
    return subprocess.Popen(
        command,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        preexec_fn=lambda: prctl(1, signal.SIGKILL),  # noqa: PLW1509 (the child only calls prctl)
    )


def await_listener(address: Address, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise RuntimeError(f"{process.args!r} exited with {process.returncode}")
        try:
            socket.create_connection((address.host, address.port), timeout=1).close()
        except OSError:
            time.sleep(0.01)
        else:
            return
    raise TimeoutError(f"waited 10 s for a listener at {address}: it kept refusing")


class Ground:
    """A system of a broker and proxies: every capability that a fault may ask for."""

    api_url = ""
    clock = REAL
    instances: Mapping[str, Instance] = {}
    ledger = Path()

    def __init__(self, scratch: Path) -> None:
        self._net = f"127.{random.randint(1, 254)}.{random.randint(1, 254)}"
        self.password = secrets.token_hex(8)
        self._scratch = scratch
        self._broker: subprocess.Popen[bytes] | None = None
        self._toxiproxy: subprocess.Popen[bytes] | None = None
        self._settings = KeptSettings(self)
        addresses = {link: self.address_of(link) for link in EVERY}
        self._login = ServiceLogin(addresses, password=self.password)
        self._control = BrokerControl(
            {"unix_socket_path": str(scratch / "s")}, password=self.password, links=addresses
        )

    def health_ports(self, service: str) -> Sequence[HealthPort]:
        raise NotImplementedError(service)

    def use(self, capability: type[C]) -> C:
        if not isinstance(self, capability):
            raise CapabilityMissingError(capability.__name__)
        return self

    # Proxies

    control = property(lambda self: Address(f"{self._net}.20", 8474))

    def name_of(self, link: Link) -> str:
        return f"proxy-{link}"

    def listen_of(self, link: Link) -> Address:
        return Address(f"{self._net}.{11 + EVERY.index(link)}", 6379)

    async def start_proxies(self) -> None:
        binary = find_toxiproxy().path
        self._toxiproxy = start(binary, "-host", self.control.host, "-port", "8474")
        await anyio.to_thread.run_sync(await_listener, self.control, self._toxiproxy)
        api = ToxiproxyClient(self.control)._api
        for link in EVERY:
            listen, upstream = self.listen_of(link), self.address_of(link)
            proxy = {
                "name": self.name_of(link),
                "listen": f"{listen.host}:{listen.port}",
                "upstream": f"{upstream.host}:{upstream.port}",
                "enabled": True,
            }
            assert api.post("/proxies", json=proxy, timeout=3).ok

    # BrokerCommands, Vantage

    def address_of(self, link: Link) -> Address:
        return Address(f"{self._net}.{1 + EVERY.index(link)}", 6379)

    def open_socket(self, _link: Link) -> socket.socket:
        return socket.socket()

    async def connect(self, link: Link) -> str:
        raise NotImplementedError(link)

    def kept(self, name: str) -> socket.socket | None:
        raise NotImplementedError(name)

    async def execute(self, *command: str | int) -> object:
        return await self._control.execute(*command)

    # BrokerSettings

    async def change(self, name: str, settings: Mapping[str, str]) -> Mapping[str, str]:
        return await self._settings.change(name, settings)

    async def restore(self, name: str) -> bool:
        return await self._settings.restore(name)

    # BrokerLogin

    async def ask(self, link: Link, *command: str) -> str:
        return await self._login.ask(link, *command)

    # BrokerProcess

    async def kill(self) -> None:
        await self._stop(signal.SIGKILL)

    async def stop(self) -> None:
        await self._stop(signal.SIGTERM)

    async def start(self, *, empty: bool = False) -> None:
        if empty:
            for file in self._scratch.glob("*.rdb"):
                file.unlink()
        addresses = [self.address_of(link) for link in EVERY]
        self._broker = start(
            *(find_broker().path, "--bind", *(address.host for address in addresses)),
            *("--requirepass", self.password, "--save", "3600 1", "--daemonize", "no"),
            *("--dir", str(self._scratch), "--unixsocket", str(self._scratch / "s")),
        )
        await anyio.to_thread.run_sync(await_listener, addresses[-1], self._broker)

    async def _stop(self, how: signal.Signals) -> None:
        assert self._broker is not None
        self._broker.send_signal(how)
        await anyio.to_thread.run_sync(self._broker.wait, 10)

    # Sockets

    async def idle_for_s(self, link: Link) -> Sequence[float]:
        address = self.address_of(link)
        return sockdiag.idle_for_s(address.host, address.port)

    async def destroy(self, link: Link, *, min_idle_s: float = 0.0) -> int:
        address = self.address_of(link)
        return sockdiag.destroy(address.host, address.port, min_idle_s=min_idle_s)

    def close(self) -> None:
        self._control.close()
        for process in (self._broker, self._toxiproxy):
            if process is not None:
                process.kill()
                process.wait(10)


@asynccontextmanager
async def running_ground(*, proxied: bool) -> AsyncIterator[Ground]:
    with tempfile.TemporaryDirectory() as scratch:
        ground = Ground(Path(scratch))
        try:
            await ground.start()
            if proxied:
                await ground.start_proxies()
            yield ground
        finally:
            ground.close()


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
async def ground() -> AsyncIterator[Ground]:
    """Broker only: what the direct route is."""
    async with running_ground(proxied=False) as ground:
        yield ground


@pytest.fixture
async def proxied() -> AsyncIterator[Ground]:
    """Broker and proxies."""
    async with running_ground(proxied=True) as ground:
        yield ground


class Wire:
    """A bare socket, as a client that is not ours would have it."""

    def __init__(self, address: Address) -> None:
        self.socket = socket.create_connection((address.host, address.port), timeout=2)

    def send(self, data: bytes = b"PING\r\n") -> None:
        self.socket.sendall(data)

    def sees(self, within_s: float = 2.0) -> bytes | str:
        """The next bytes, or `EOF`, `nothing` by then, or the error's name (`ECONNRESET`)."""
        self.socket.settimeout(within_s)
        try:
            return self.socket.recv(65536) or "EOF"
        except TimeoutError:
            return "nothing"
        except ConnectionResetError:
            return "ECONNRESET"

    def asks(self, within_s: float = 2.0) -> bytes | str:
        """PING, and what comes of it."""
        self.send()
        return self.sees(within_s)


@pytest.fixture
def dial() -> Iterator[Callable[[Address], Wire]]:
    """Makes bare sockets and closes them at the end."""
    wires: list[Wire] = []

    def connect(address: Address) -> Wire:
        wires.append(Wire(address))
        return wires[-1]

    yield connect
    for wire in wires:
        wire.socket.close()


def _enter_namespace() -> str | None:
    libc = ctypes.CDLL(None, use_errno=True)
    uid, gid = os.getuid(), os.getgid()
    if libc.unshare(0x10000000 | 0x40000000):  # CLONE_NEWUSER | CLONE_NEWNET
        return f"user namespaces are refused here: {os.strerror(ctypes.get_errno())}"
    for file, line in (("setgroups", "deny"), ("uid_map", f"0 {uid} 1"), ("gid_map", f"0 {gid} 1")):
        Path("/proc/self", file).write_text(line)
    with IPRoute() as route:
        route.link("set", index=1, state="up")
    return None


@pytest.fixture
def in_namespace() -> Iterator[Callable[..., Any]]:
    """Runs a module's function in a process that is root in a network namespace of its own."""
    fork = multiprocessing.get_context("fork")  # the child must have a single thread
    with ProcessPoolExecutor(1, mp_context=fork) as pool:
        if refusal := pool.submit(_enter_namespace).result(30):
            pytest.skip(refusal)

        def run(function: Callable[..., Any], *arguments: object) -> Any:
            return pool.submit(function, *arguments).result(60)

        yield run


@pytest.fixture
def boot() -> Callable[..., Any]:
    """`running_ground`, for tests that boot it themselves."""
    return running_ground
