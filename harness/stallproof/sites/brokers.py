"""The broker: a real Valkey or Redis server, its process and its control socket."""

from __future__ import annotations

import os
import shutil
import signal
import threading
from collections.abc import Callable, Mapping
from pathlib import Path

import redis
from anyio import to_thread
from redis.backoff import NoBackoff
from redis.retry import Retry

from stallproof.sites.base import Address, Link, Persistence, SiteError
from stallproof.sites.hosts import Host
from stallproof.sites.logs import ServiceLog
from stallproof.sites.process import KILL_TIMEOUT_S, Process
from stallproof.sites.waiting import wait_until

START_TIMEOUT_S = 10.0
"""From the process's start to PONG. 5 to 36 ms are usual; loading a large AOF takes longer."""
STOP_TIMEOUT_S = 15.0
COMMAND_TIMEOUT_S = 2.0
_SOCKET = "broker.sock"


class ControlSocket:
    """`BrokerCommands` over the broker's Unix socket, a connection for each call.

    No fault reaches it. It counts among the broker's clients, with the socket for `laddr`.
    """

    def __init__(self, folder: Path, *, password: str, links: Mapping[Link, Address]) -> None:
        # Through a descriptor: a socket's path may have 107 bytes, a run's folder has more.
        self._folder_fd = os.open(folder, os.O_PATH | os.O_DIRECTORY)
        self._path = f"/proc/self/fd/{self._folder_fd}/{_SOCKET}"
        self._password = password
        self._links = links

    async def execute(self, *command: str | int) -> object:
        return await to_thread.run_sync(self.ask, *command)

    def ask(self, *command: str | int) -> object:
        """`execute`, for threads."""
        with redis.Redis(
            unix_socket_path=self._path,
            password=self._password,
            decode_responses=True,
            socket_timeout=COMMAND_TIMEOUT_S,
            socket_connect_timeout=COMMAND_TIMEOUT_S,
            retry=Retry(NoBackoff(), 0),  # the default hides an outage for a while
        ) as client:
            try:
                return client.execute_command(*command)
            except (redis.ConnectionError, redis.TimeoutError) as error:
                raise ConnectionError(str(error).replace(self._path, "the broker")) from error

    def address_of(self, link: Link) -> Address:
        return self._links[link]

    def close(self) -> None:
        os.close(self._folder_fd)


class BrokerServer:
    """`BrokerProcess`: the server on the broker's host, listening on every link's address.

    With `aof` it writes each command to the file before it answers (`appendfsync everysec`
    only delays the disk): SIGKILL loses nothing that was acknowledged, a power cut would.
    """

    def __init__(
        self,
        binary: str,
        *,
        folder: Path,
        host: Host,
        links: Mapping[Link, Address],
        password: str,
        persistence: Persistence,
        env: Mapping[str, str],
        log: ServiceLog,
        on_unexpected_exit: Callable[[int], None],
    ) -> None:
        self._binary = binary
        self._folder = folder
        self._data = folder / "data"
        self._host = host
        self._env = {"LANG": "C.UTF-8", **env}
        self._log = log
        self._on_unexpected_exit = on_unexpected_exit
        self._process: Process | None = None
        self._expected = False
        self._one_at_a_time = threading.Lock()
        self._data.mkdir(parents=True)
        self._config = folder / "broker.conf"
        self._config.touch(mode=0o600)
        self._config.write_text(_config(links, password=password, persistence=persistence))
        self.control = ControlSocket(folder, password=password, links=links)

    async def kill(self) -> None:
        await to_thread.run_sync(self._end, signal.SIGKILL, KILL_TIMEOUT_S)

    async def stop(self) -> None:
        await to_thread.run_sync(self._end, signal.SIGTERM, STOP_TIMEOUT_S)

    async def start(self, *, empty: bool = False) -> None:
        def start_and_wait() -> None:
            self.spawn(empty=empty)
            self.wait_for_pong()

        await to_thread.run_sync(start_and_wait)

    def spawn(self, *, empty: bool = False) -> None:
        """Start it unless it runs, without waiting for it.

        Raises:
            SiteError: the binary cannot be executed.
        """
        with self._one_at_a_time:
            if self._process is not None and self._process.running:
                return
            if empty:
                shutil.rmtree(self._data)
                self._data.mkdir()
            self._expected = False
            try:
                self._process = Process(
                    [self._binary, str(self._config)],
                    env=self._env,
                    cwd=self._folder,
                    host=self._host,
                    log=self._log,
                    on_exit=self._exited,
                )
            except OSError as error:
                raise SiteError(f"the broker does not start: {error}") from error

    def wait_for_pong(self) -> None:
        """Wait until it answers and has loaded its data.

        Raises:
            SiteError: it did not in time, or it exited.
        """
        wait_until(
            self._problem,
            awaited=f"PONG from {self._binary}",
            timeout_s=START_TIMEOUT_S,
        )

    def _problem(self) -> str | None:
        process = self._process
        if process is None or not process.running:
            raise SiteError(f"the broker exited while starting; it said: {self._log.last_line}")
        try:
            reply = self.control.ask("PING")
        except (ConnectionError, redis.ResponseError) as error:  # not listening yet; LOADING
            return str(error)
        return None if reply in (True, "PONG") else f"the reply {reply!r}"

    def _exited(self, code: int) -> None:
        if not self._expected:
            self._on_unexpected_exit(code)

    def _end(self, number: int, timeout_s: float) -> None:
        with self._one_at_a_time:
            process = self._process
            if process is None or not process.running:
                return
            self._expected = True
            process.signal(number)
            if not process.wait(timeout_s):
                raise SiteError(
                    f"waited {timeout_s} s for the broker to exit after signal {number}; "
                    f"it last said: {self._log.last_line}"
                )

    def close(self) -> None:
        """Kill it; it is gone when this returns."""
        self._end(signal.SIGKILL, KILL_TIMEOUT_S)
        self.control.close()


def _config(links: Mapping[Link, Address], *, password: str, persistence: Persistence) -> str:
    (port,) = {address.port for address in links.values()}
    return "\n".join(
        [
            f"bind {' '.join(address.host for address in links.values())}",
            f"port {port}",
            f"unixsocket ../{_SOCKET}",  # seen from `dir`; a path of any length
            "unixsocketperm 700",
            f"requirepass {password}",
            "daemonize no",
            "loglevel notice",
            'save ""',
            f"appendonly {'yes' if persistence == Persistence.AOF else 'no'}",
            "appendfsync everysec",
            "dir data",
            "",
        ]
    )
