"""The broker: a real Valkey or Redis server, its life and the way to it that no fault touches."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import redis
from anyio import to_thread
from redis.backoff import NoBackoff
from redis.retry import Retry

from stallproof.sites.base import Address, Link, Persistence, SiteError
from stallproof.sites.life import Life, Start
from stallproof.sites.logs import ServiceLog
from stallproof.sites.process import KILL_TIMEOUT_S
from stallproof.sites.waiting import wait_until

START_TIMEOUT_S = 10.0
"""From the process's start to PONG. 5 to 36 ms are usual; loading a large AOF takes longer."""
STOP_TIMEOUT_S = 15.0
COMMAND_TIMEOUT_S = 2.0
NOBODY = ("127.0.0.1", 1)
"""A primary that is never there (tcpmux, RFC 1078): who follows it keeps the data it has."""
KEPT_USER = "kept-default"
"""Who has the services' password, and every right, while it is not theirs (`auth-rotated`)."""


class BrokerControl:
    """`BrokerCommands`, over one connection that is kept: a broker that lets nobody in any more
    still listens to who is in.

    `where` is what `redis.Redis` takes for a way that no fault touches: a Unix socket, or an
    address beside those of the links. It counts among the broker's clients, with that for `laddr`.
    """

    def __init__(
        self, where: Mapping[str, Any], *, password: str, links: Mapping[Link, Address]
    ) -> None:
        self._path = where.get("unix_socket_path", "the broker")
        self._links = links
        self._one_at_a_time = threading.Lock()
        self._clients = [
            redis.Redis(
                **where,
                username=user,
                password=password,
                decode_responses=True,
                socket_timeout=COMMAND_TIMEOUT_S,
                socket_connect_timeout=COMMAND_TIMEOUT_S,
                retry=Retry(NoBackoff(), 0),  # the default hides an outage for a while
            )
            for user in (None, KEPT_USER)
        ]

    async def execute(self, *command: str | int) -> object:
        return await to_thread.run_sync(self.ask, *command)

    def ask(self, *command: str | int) -> object:
        """`execute`, for threads."""
        usual, kept = self._clients
        with self._one_at_a_time:
            try:
                try:
                    return usual.execute_command(*command)  # type: ignore[no-untyped-call]
                except redis.AuthenticationError:
                    return kept.execute_command(*command)  # type: ignore[no-untyped-call]
            except (redis.ConnectionError, redis.TimeoutError) as error:
                raise ConnectionError(str(error).replace(self._path, "the broker")) from error

    def address_of(self, link: Link) -> Address:
        return self._links[link]

    def close(self) -> None:
        """Hang up."""
        for client in self._clients:
            client.close()


class BrokerServer:
    """`BrokerProcess`: the server with an address for each link, on any site.

    `start` starts one life of it, on the data of the last; `wipe` drops that data.
    """

    def __init__(
        self,
        *,
        start: Start,
        wipe: Callable[[], None],
        control: BrokerControl,
        log: ServiceLog,
        on_unexpected_exit: Callable[[int], None],
    ) -> None:
        self._start_life = start
        self._wipe = wipe
        self.control = control
        self._log = log
        self._on_unexpected_exit = on_unexpected_exit
        self._life: Life | None = None
        self._expected = False
        self._one_at_a_time = threading.Lock()

    @property
    def running(self) -> bool:
        life = self._life
        return life is not None and life.running

    def replace(self, life: Life, *, start: Start, wipe: Callable[[], None]) -> None:
        """Another life, already begun, is the broker from now on. The one before has ended."""
        with self._one_at_a_time:
            self._life, self._start_life, self._wipe = life, start, wipe
            self._expected = False

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
            SiteError: it cannot be started.
        """
        with self._one_at_a_time:
            if self.running:
                return
            if empty:
                self._wipe()
            self._expected = False
            try:
                self._life = self._start_life(self.exited)
            except OSError as error:
                raise SiteError(f"the broker does not start: {error}") from error

    def wait_for_pong(self) -> None:
        """Wait until it answers and has loaded its data.

        Raises:
            SiteError: it did not in time, or it exited.
        """
        wait_until(self._problem, awaited="PONG from the broker", timeout_s=START_TIMEOUT_S)

    def _problem(self) -> str | None:
        life = self._life
        if life is None or not life.running:
            raise SiteError(f"the broker exited while starting; it said: {self._log.last_line}")
        try:
            reply = self.control.ask("PING")
        except (ConnectionError, redis.ResponseError) as error:  # not listening yet; LOADING
            return str(error)
        return None if reply in (True, "PONG") else f"the reply {reply!r}"

    def exited(self, code: int) -> None:
        """Its life has ended."""
        if not self._expected:
            self._on_unexpected_exit(code)

    def _end(self, number: int, timeout_s: float) -> None:
        with self._one_at_a_time:
            life = self._life
            if life is None or not life.running:
                return
            self._expected = True
            life.signal(number)
            if not life.wait(timeout_s):
                raise SiteError(
                    f"waited {timeout_s} s for the broker to exit after signal {number}; "
                    f"it last said: {self._log.last_line}"
                )

    def close(self) -> None:
        """Kill it; it is gone when this returns."""
        self._end(signal.SIGKILL, KILL_TIMEOUT_S)
        self.control.close()


def broker_config(
    *,
    listen: Sequence[str],
    port: int,
    password: str,
    persistence: Persistence,
    folder: str,
    more: Sequence[str] = (),
) -> str:
    """The text of its configuration file; `folder` is where its data goes.

    With `aof` it writes each command to the file before it answers (`appendfsync everysec`
    only delays the disk): SIGKILL loses nothing that was acknowledged, a power cut would.
    """
    return "\n".join(
        [
            f"bind {' '.join(listen)}",
            f"port {port}",
            f"requirepass {password}",
            "daemonize no",
            "loglevel notice",
            'save ""',
            f"appendonly {'yes' if persistence == Persistence.AOF else 'no'}",
            "appendfsync everysec",
            *more,
            f"dir {folder}",
            "",
        ]
    )
