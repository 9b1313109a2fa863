"""One container instance of a service: started, watched, started again, as Cloud Run does."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator, Sequence

from stallproof.events import Freezing, InstancePhase
from stallproof.history import Recorder
from stallproof.sites.base import Address, Liveness
from stallproof.sites.capabilities import GRACE_S
from stallproof.sites.life import Life, OnExit
from stallproof.sites.liveness import HealthProbe
from stallproof.sites.logs import ServiceLog
from stallproof.sites.process import KILL_TIMEOUT_S
from stallproof.sites.waiting import wait_until

BACKOFF_S = (0.0, 1.0, 2.0, 4.0)
"""How long to wait before starting again, in system time; a life of `SHORT_LIFE_S` goes back to
the first."""
SHORT_LIFE_S = 10.0
MAX_UNHEALTHY_EXITS = 4
"""In a row, without one 200 from /health: then nothing will come of it."""


class SupervisedInstance:
    """One instance of a service, kept running by a thread until `close`, on any site.

    `start` starts one life of it, a process or a container, under the instance id that it is
    given first: the next of `ids`. It may raise OSError.
    """

    def __init__(
        self,
        service: str,
        *,
        ids: Iterator[str],
        start: Callable[[str, OnExit], Life],
        address: Address,
        liveness: Liveness | None,
        recorder: Recorder,
        log: ServiceLog,
    ) -> None:
        self.address = address
        """Where it answers HTTP, as the harness reaches it."""
        self.id = next(ids)
        """Of its present life, or the last."""
        self.ids = {self.id}
        """Of all its lives."""
        self._service = service
        self._new_ids = ids
        self._start_life = start
        self._liveness = liveness
        self._recorder = recorder
        self._log = log
        self._lock = threading.Lock()
        self._retired = threading.Event()
        self._closing = False
        self._asleep = threading.Event()
        self._life: Life | None = None
        self._told_to_go: Life | None = None
        self._starts = 0
        self._exits: list[tuple[float, int]] = []
        self._given_up = False
        self._supervisor = threading.Thread(target=self._supervise, daemon=True)
        self._supervisor.start()

    @property
    def starts(self) -> int:
        return self._starts

    @property
    def dated_exits(self) -> Sequence[tuple[float, int]]:
        """When in the history each of its lives ended, with what code."""
        return tuple(self._exits)

    @property
    def retired(self) -> bool:
        """It is not started again."""
        return self._retired.is_set()

    @property
    def over(self) -> bool:
        """It is not started again, and nothing of it runs."""
        return self.retired and not self._supervisor.is_alive()

    @property
    def given_up(self) -> bool:
        """It exited `MAX_UNHEALTHY_EXITS` times in a row without ever having been healthy."""
        return self._given_up

    @property
    def pid(self) -> int | None:
        """Its process; None between an exit and the next start."""
        life = self._life
        return life.pid if life is not None and life.running else None

    @property
    def takes_requests(self) -> bool:
        """It runs, and was not told to go."""
        return self.pid is not None and self._life is not self._told_to_go

    def signal(self, number: int) -> None:
        """Send a signal to the instance's first process; nothing if it has exited."""
        if (life := self._life) is not None:
            life.signal(number)

    def kill_tree(self) -> None:
        """SIGKILL every process of the instance; it is started again like after any exit."""
        if (life := self._life) is not None:
            life.kill_tree()

    def kill_and_wait(self) -> bool:
        """`kill_tree`, and wait for the exit. False: it was not running.

        Raises:
            SiteError: it has not exited after `KILL_TIMEOUT_S`.
        """
        exits = len(self._exits)
        if self.pid is None:
            return False
        self.kill_tree()
        wait_until(
            lambda: None if len(self._exits) > exits else "it runs on",
            awaited=f"the {self._service}'s exit after SIGKILL",
            timeout_s=KILL_TIMEOUT_S,
        )
        return True

    def terminate(self) -> bool:
        """SIGTERM to its first process; `GRACE_S` later `kill_tree`, if it still runs then.

        Does not wait. False: it was not running.
        """
        life = self._life
        if life is None or not life.running:
            return False
        grace_s = self._recorder.clock.real_s(GRACE_S)

        def end_grace() -> None:
            if not life.wait(grace_s):
                life.kill_tree()

        self._told_to_go = life
        self._record("sigterm", pid=life.pid)
        life.signal(signal.SIGTERM)
        threading.Thread(target=end_grace, daemon=True).start()
        return True

    def retire(self) -> bool:
        """`terminate`, and it is not started again."""
        with self._lock:
            self._retired.set()
        return self.terminate()

    def set_frozen(self, is_so: bool) -> None:  # noqa: FBT001 (its only argument)
        """It is told that its processes are stopped, or go on: it is not probed meanwhile."""
        if is_so == self._asleep.is_set():
            return
        (self._asleep.set if is_so else self._asleep.clear)()
        self._recorder.add(
            Freezing(
                t=self._recorder.now(),
                service=self._service,
                instance=self.id,
                phase="freeze" if is_so else "thaw",
                pid=self.pid or 0,
            )
        )

    def close(self) -> None:
        """Kill it for good; it is gone when this returns."""
        with self._lock:
            self._closing = True
            self._retired.set()
        self.kill_tree()
        self._supervisor.join(KILL_TIMEOUT_S)

    def _supervise(self) -> None:
        short_lives = unhealthy_exits = 0
        while True:
            started_at = self._recorder.now()
            healthy = self._run_once()
            unhealthy_exits = 0 if healthy else unhealthy_exits + 1
            if unhealthy_exits == MAX_UNHEALTHY_EXITS and not self.retired:
                self._log.note("error", f"given up after {unhealthy_exits} exits, never healthy")
                self._given_up = True
                return
            if self._recorder.now() - started_at >= SHORT_LIFE_S:
                short_lives = 0
            wait_s = BACKOFF_S[min(short_lives, len(BACKOFF_S) - 1)]
            short_lives += 1
            if self._retired.wait(self._recorder.clock.real_s(wait_s)):
                return

    def _run_once(self) -> bool:
        """One life, from start to exit. True if it was healthy once."""
        healthy = threading.Event()
        with self._lock:
            if self.retired:
                return True
            try:
                life = self._start()
            except OSError as error:
                self._log.note("error", f"cannot be started: {error}")
                return False
        probe = HealthProbe(
            self.address,
            liveness=self._liveness,
            clock=self._recorder.clock,
            on_healthy=healthy.set,
            on_dead=lambda: self._liveness_kill(life),
            asleep=self._asleep.is_set,
        )
        life.wait(threading.TIMEOUT_MAX)
        probe.stop()
        return healthy.is_set()

    def _start(self) -> Life:
        if self._starts:
            self.id = next(self._new_ids)
            self.ids.add(self.id)
        self._log.begin(self.id)
        life = self._start_life(self.id, self._exited)
        self._life = life
        self._starts += 1
        self._record("start", pid=life.pid)
        return life

    def _exited(self, code: int) -> None:
        with self._lock:
            if self._closing:
                return  # ended by the site, with the run: no event of the system's
            self._exits.append((self._recorder.now(), code))
            assert self._life is not None
            self._record("exit", pid=self._life.pid, code=code)

    def _liveness_kill(self, life: Life) -> None:
        self._record("liveness-kill", pid=life.pid)
        life.kill_tree()

    def _record(self, phase: str, *, pid: int, code: int | None = None) -> None:
        self._recorder.add(
            InstancePhase(
                t=self._recorder.now(),
                service=self._service,
                instance=self.id,
                phase=phase,  # type: ignore[arg-type]
                pid=pid,
                code=code,
            )
        )
