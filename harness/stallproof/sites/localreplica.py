"""A second server that follows the broker and can take its place."""

from __future__ import annotations

import signal
import threading

import redis
from anyio import to_thread

from stallproof.sites.base import SiteError
from stallproof.sites.brokers import NOBODY, BrokerControl, BrokerServer
from stallproof.sites.capabilities import Lag
from stallproof.sites.life import Life
from stallproof.sites.localservers import Servers
from stallproof.sites.process import KILL_TIMEOUT_S
from stallproof.sites.waiting import wait_until

SYNC_TIMEOUT_S = 10.0
"""From the replica's start until it has all that the primary has. A tenth of a second is usual."""


class LocalReplica:
    """`Replica`: real replication, between two processes on the broker's host."""

    def __init__(self, servers: Servers, broker: BrokerServer) -> None:
        self._servers = servers
        self._broker = broker
        self.serving = 1
        """The number of the server that is the broker."""
        self._made = 1
        self._life: Life | None = None
        self._control: BrokerControl | None = None
        self._changes_at_stop: int | None = None
        self._one_at_a_time = threading.Lock()

    async def follow(self) -> None:
        await to_thread.run_sync(self._follow)

    async def fall_behind(self) -> None:
        await to_thread.run_sync(self._fall_behind)

    async def behind(self) -> Lag:
        return await to_thread.run_sync(self._behind)

    async def promote(self) -> bool:
        return await to_thread.run_sync(self._promote)

    def _follow(self) -> None:
        with self._one_at_a_time:
            if self._life is not None:
                return
            target = _number(self._broker.control, "replication", "master_repl_offset")
            self._made += 1
            self._servers.follow(self._made)
            self._control = control = self._servers.control(self._made)
            self._changes_at_stop = None
            try:
                self._life = life = self._servers.start(self._made)(self._broker.exited)
            except OSError as error:
                raise SiteError(f"the replica does not start: {error}") from error
            wait_until(
                lambda: _not_in_step(life, control, target),
                awaited="the replica to be in step with the broker",
                timeout_s=SYNC_TIMEOUT_S,
            )

    def _fall_behind(self) -> None:
        with self._one_at_a_time:
            if self._control is None:
                raise SiteError("there is no replica that could fall behind")
            self._control.ask("REPLICAOF", *NOBODY)
            self._changes_at_stop = self._changes()

    def _behind(self) -> Lag:
        with self._one_at_a_time:
            if self._control is None:
                raise SiteError("there is no replica that could be behind")
            primary = _number(self._broker.control, "replication", "master_repl_offset")
            own = _number(self._control, "replication", "slave_repl_offset")
            writes = 0
            if self._changes_at_stop is not None:
                writes = self._changes() - self._changes_at_stop
            return Lag(bytes=max(0, primary - own), writes=writes)

    def _promote(self) -> bool:
        with self._one_at_a_time:
            if self._life is None or self._control is None or self._broker.running:
                return False
            servers, number = self._servers, self._made
            self._control.ask("REPLICAOF", "NO", "ONE")
            servers.serve(number)
            servers.move_control(number)
            self._broker.replace(self._life, start=servers.start(number), wipe=servers.wipe(number))
            listen = " ".join(servers.listen)
            self._control.ask("CONFIG", "SET", "bind", listen, "port", servers.aside.port)
            self._control.close()
            servers.remove(self.serving)
            self.serving, self._life, self._control = number, None, None
            return True

    def _changes(self) -> int:
        """Of the primary's data, since it last saved all of it: never, with our settings."""
        return _number(self._broker.control, "persistence", "rdb_changes_since_last_save")

    def close(self) -> None:
        """Kill it if there is one; it is gone when this returns."""
        with self._one_at_a_time:
            if self._control is not None:
                self._control.close()
            if self._life is not None:
                self._life.signal(signal.SIGKILL)
                self._life.wait(KILL_TIMEOUT_S)


def _not_in_step(life: Life, control: BrokerControl, target: int) -> str | None:
    if not life.running:
        raise SiteError("the replica exited while starting; logs/broker.log says why")
    try:
        seen = control.ask("INFO", "replication")
    except (ConnectionError, redis.ResponseError) as error:  # not listening yet; LOADING
        return str(error)
    assert isinstance(seen, dict)
    link, offset = seen["master_link_status"], int(seen["slave_repl_offset"])
    if link == "up" and offset >= target:
        return None
    return f"its link is {link}, its offset {offset}, the broker's {target}"


def _number(control: BrokerControl, section: str, field: str) -> int:
    answer = control.ask("INFO", section)
    assert isinstance(answer, dict)
    return int(answer[field])
