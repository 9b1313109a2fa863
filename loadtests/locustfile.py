"""Load on a StoryMimi system, with Locust alone or as `stallproof load` starts it.

    locust -f loadtests/locustfile.py --headless --host http://localhost:8080 \
        --shape spike --rate-per-s 50 --for-s 60 --processes 2 --html load.html --csv load

When clients arrive is in `shapes.toml`, what must hold in `thresholds.toml`. Locust's exit code
is the load's: 0 all thresholds kept, 1 one was not, 2 bad usage, 3 nothing proven.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import Any

import gevent
import msgspec
from clients import ACCEPT, END_TO_END, MOST_AT_ONCE, STORY, Clients
from gevent.event import AsyncResult, Event
from locust import FastHttpUser, LoadTestShape, events, task
from locust.argument_parser import LocustArgumentParser
from locust.env import Environment
from locust.runners import MasterRunner, Runner, WorkerRunner
from locust.stats import StatsEntry

from stallproof.arrivals import share
from stallproof.load.files import LoadError
from stallproof.load.identity import Identity, TokenSource
from stallproof.load.lines import LineWriter, Ready
from stallproof.load.measured import Measured, Tally, whole
from stallproof.load.printed import print_result
from stallproof.load.result import LoadResult, exit_code
from stallproof.load.shapes import Shape, read_shape
from stallproof.load.target import check_target
from stallproof.load.thresholds import judge_load, read_thresholds
from stallproof.manners import SUBMIT_DEADLINE_S

SHARE_DEADLINE_S = 30.0
GO_DEADLINE_S = 60.0
MARGIN_S = 30.0
"""A process that has not told what it did so long after the drain limit never will."""


class Load:
    """One load in this process: its options, and on the master what the others told."""

    def __init__(self, environment: Environment) -> None:
        self.environment = environment
        self.processes = 0
        """Senders; 0 until Locust has said how many there are."""
        self.tallies: list[Tally] = []
        self.my_share: AsyncResult[tuple[int, int]] = AsyncResult()

    @property
    def options(self) -> Any:
        return self.environment.parsed_options

    @property
    def shape(self) -> Shape:
        asked = read_shape(self.options.shape)
        return asked.stretched(rate_per_s=self.options.rate_per_s, for_s=self.options.for_s)

    @property
    def ends_s(self) -> float:
        """After this long nobody is waited for."""
        return self.shape.for_s + float(self.options.drain_limit_s) + MARGIN_S

    @property
    def over(self) -> bool:
        return 0 < self.processes <= len(self.tallies)

    def measured(self) -> Measured:
        accept, end_to_end = (
            self.environment.stats.get(name, STORY) for name in (ACCEPT, END_TO_END)
        )
        return whole(
            self.tallies,
            processes=self.processes,
            timed=accept.num_requests,
            p95_accept_ms=_p95_ms(accept),
            p95_end_to_end_ms=_p95_ms(end_to_end),
        )


def _p95_ms(entry: StatsEntry) -> float | None:
    return float(entry.get_response_time_percentile(0.95)) if entry.num_requests else None


LOAD: dict[Environment, Load] = {}
"""By environment: Locust calls our listeners with nothing else of ours."""


class Sender(FastHttpUser):
    """One a process: sends this process's share of the clients and tells what came of it."""

    insecure = False
    max_redirects = 0
    concurrency = MOST_AT_ONCE
    connection_timeout = SUBMIT_DEADLINE_S
    network_timeout = SUBMIT_DEADLINE_S

    @task
    def send(self) -> None:
        load = LOAD[self.environment]
        options, shape = load.options, load.shape
        index, of = load.my_share.get(timeout=SHARE_DEADLINE_S)
        lines = LineWriter(Path(options.lines) if options.lines else None)
        source = TokenSource(options.identity_token) if options.identity_token else None
        clients = Clients(
            self, shape=shape, lines=lines, identity=Identity(source, audience=str(self.host))
        )
        mine = share(shape.arrivals_s(), index=index, of=of)
        lines.write(Ready(os.getpid()))
        start = _go(Path(options.go)) if options.go else time.monotonic()
        tally = clients.send(mine, start=start, drain_limit_s=float(options.drain_limit_s))
        _runner(load).send_message("tally", msgspec.to_builtins(tally))
        Event().wait()  # until Locust is ended; a task that returned would be begun again


def _go(path: Path) -> float:
    """Wait for the word to go, which is the moment that counts as 0."""
    deadline = time.monotonic() + GO_DEADLINE_S
    while not path.exists():
        if time.monotonic() > deadline:
            raise TimeoutError(f"no word to go in {path} within {GO_DEADLINE_S:g} s")
        gevent.sleep(0.01)
    return float(path.read_text())


class UntilDrained(LoadTestShape):
    """One sender a process, until all have told what they did. The rate is the senders' affair."""

    deadline = 0.0

    def tick(self) -> tuple[int, float] | None:
        assert self.runner is not None
        load = LOAD[self.runner.environment]
        if not load.processes:
            load.processes = 1
            if isinstance(self.runner, MasterRunner):
                load.processes = self.runner.worker_count
            self.deadline = time.monotonic() + load.ends_s
        if load.over or time.monotonic() > self.deadline:
            return None
        return load.processes, 100.0


def _runner(load: Load) -> Runner:
    assert load.environment.runner is not None
    return load.environment.runner


@events.init_command_line_parser.add_listener
def _options(parser: LocustArgumentParser) -> None:
    own = parser.add_argument_group("stories")
    own.add_argument("--shape", default="steady", help="a shape of shapes.toml")
    own.add_argument("--rate-per-s", type=float, help="its highest rate, clients a second")
    own.add_argument("--for-s", type=float, help="how long clients arrive")
    own.add_argument("--thresholds", default="", help="a TOML file; thresholds.toml if none")
    own.add_argument("--drain-limit-s", type=float, default=60.0, help="watch for so long after")
    own.add_argument("--identity-token", default="", choices=["", *TokenSource], help="from where")
    own.add_argument(
        "--i-own-this-target",
        action="store_true",
        env_var="LOCUST_I_OWN_THIS_TARGET",
        help="needed for a host that is not this machine",
    )
    own.add_argument("--result", default="", help="write what it came to into this JSON file")
    own.add_argument("--lines", default="", help="write each story's events into this file")
    own.add_argument("--go", default="", help="begin when this file has the moment in it")


@events.init.add_listener
def _prepare(environment: Environment, runner: Runner | None, **_: Any) -> None:
    load = LOAD[environment] = Load(environment)
    if isinstance(runner, WorkerRunner):
        environment.process_exit_code = 0  # the master's is the one that counts
    else:
        try:
            read_thresholds(_thresholds(load))
            load.shape.check_not_empty()
            _check_host(load)
        except LoadError as error:
            sys.stderr.write(f"loadtests: {error}\n")
            sys.exit(2)
    if runner is not None:
        runner.register_message("tally", _heard)
        runner.register_message("share", _given)


def _check_host(load: Load) -> None:
    """What `stallproof load` asks of its target, whichever way Locust was started.

    Raises:
        LoadError: no host, or one that may not be loaded so.
    """
    if not load.environment.host:
        raise LoadError("--host: give the base URL of the system to load")
    check_target(
        load.environment.host,
        owned=load.options.i_own_this_target,
        shape=load.shape,
        with_token=bool(load.options.identity_token),
    )


def _thresholds(load: Load) -> Path | None:
    return Path(load.options.thresholds) if load.options.thresholds else None


@events.test_start.add_listener
def _begin(environment: Environment, **_: Any) -> None:
    load = LOAD[environment]
    load.tallies.clear()
    load.my_share = AsyncResult()


@events.spawning_complete.add_listener
def _share_out(user_count: int, **_: Any) -> None:  # noqa: ARG001 (locust calls it so)
    for environment, load in LOAD.items():
        runner = _runner(load)
        if isinstance(runner, MasterRunner):
            begun = runner.clients.running + runner.clients.spawning
            workers = sorted(client.id for client in begun)
            load.processes = len(workers)
            for index, worker in enumerate(workers):
                runner.send_message("share", {"index": index, "of": len(workers)}, worker)
        elif not isinstance(environment.runner, WorkerRunner):
            runner.send_message("share", {"index": 0, "of": 1})


def _given(environment: Environment, msg: Any, **_: Any) -> None:
    LOAD[environment].my_share.set((msg.data["index"], msg.data["of"]))


def _heard(environment: Environment, msg: Any, **_: Any) -> None:
    LOAD[environment].tallies.append(msgspec.convert(msg.data, Tally))


@events.quitting.add_listener
def _judge(environment: Environment, **_: Any) -> None:
    load = LOAD[environment]
    if isinstance(environment.runner, WorkerRunner):
        return
    measured = load.measured()
    result = LoadResult(
        measured=measured, findings=judge_load(measured, read_thresholds(_thresholds(load)))
    )
    print_result(result)
    if load.options.result:
        Path(load.options.result).write_bytes(msgspec.json.format(msgspec.json.encode(result)))
    environment.process_exit_code = int(exit_code(result))
