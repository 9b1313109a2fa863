"""The broker's host: a container that owns its network namespace, with our agent for process 1.

The broker's own container shares that namespace, so the addresses outlive the broker, and what
a fault does to the network is done in here, whatever image the broker comes from.
"""

from __future__ import annotations

import inspect
import itertools
import json
import socket
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from importlib import resources
from pathlib import Path, PurePosixPath
from typing import Any, ParamSpec, TypeVar, get_type_hints

import docker.utils.socket
import msgspec

from stallproof.sites.base import SiteError
from stallproof.sites.docker.containers import Made, remove
from stallproof.sites.docker.engine import explained
from stallproof.sites.docker.network import NETMASK, Plan

DATA = PurePosixPath("/data")
"""Where the services have their volume, in the holder, too; and the broker its own."""
BROKER_DATA = PurePosixPath("/broker")
"""The broker's volume as the holder sees it."""
HOME = "/stallproof"
AGENT = ("-B", "-m", "stallproof.sites.docker.agent")
"""What Python runs there, with `HOME` for its PYTHONPATH."""
_MODULES = (
    "sites/netlink.py",
    "sites/sockdiag.py",
    "sites/nft.py",
    "sites/conntrack.py",
    "sites/docker/agent.py",
)
ANSWER_TIMEOUT_S = 10.0
STDERR = 2

P = ParamSpec("P")
T = TypeVar("T")


def agent_files() -> dict[str, bytes]:
    """What is copied there, by path: the agent and what it imports."""
    package = resources.files("stallproof")
    return {f"{HOME}/stallproof/{name}": package.joinpath(name).read_bytes() for name in _MODULES}


class Holder:
    """The container, and a line to the agent in it.

    Raises:
        SiteError: it does not start, or the agent does not do what it is told first.
    """

    def __init__(self, made: Made, *, plan: Plan, folders: Sequence[str]) -> None:
        """`made` is not started yet. Every user may write to the `folders` afterwards."""
        self._made = made
        self._numbers = itertools.count(1)
        self._waiting: dict[int, Future[Any]] = {}
        self._lock = threading.Lock()
        self._on_line: Callable[[str], None] = lambda _line: None
        self._said = ""
        try:
            self._set_up(plan, folders)
        except BaseException:
            remove(self._made)
            raise

    def _set_up(self, plan: Plan, folders: Sequence[str]) -> None:
        with explained("start the broker's host"):
            self._made.start()
            container = self._made.get_wrapped_container()
            self.id = str(container.id)
            wanted = {"stdin": 1, "stdout": 1, "stderr": 1, "stream": 1, "logs": 1}
            # docker-py hands out a file around the socket that can only be read.
            self._file = container.attach_socket(params=wanted)
        self._socket: socket.socket = getattr(self._file, "_sock", self._file)
        self._socket.settimeout(None)
        threading.Thread(target=self._read, daemon=True).start()
        for folder in folders:
            self.ask("open_folder", path=folder)
        links = [address.host for address in plan.broker.values()]
        self.ask("add_addresses", addresses=links, netmask=NETMASK)

    def ask(self, act: str, **arguments: Any) -> Any:
        """Have the agent do it (`agent.ACTS`), and its answer.

        Raises:
            OSError: the kernel in there refused.
            SiteError: the agent did not answer in time, or could not do it otherwise.
        """
        answer: Future[Any] = Future()
        with self._lock:
            number = next(self._numbers)
            self._waiting[number] = answer
            line = json.dumps({"id": number, "do": act, "with": arguments}) + "\n"
            self._socket.sendall(line.encode())
        try:
            return answer.result(ANSWER_TIMEOUT_S)
        except TimeoutError:
            raise SiteError(
                f"docker: waited {ANSWER_TIMEOUT_S:g} s for the agent to do {act!r} on the "
                f"broker's host; it last said: {self._said or 'nothing'}"
            ) from None

    def follow(self, path: str, *, into: Path) -> None:
        """Append each line of that file of the container to a file of this machine."""

        def keep(line: str) -> None:
            with into.open("a") as file:
                file.write(line + "\n")

        self._on_line = keep
        self.ask("follow", path=path)

    def _read(self) -> None:
        rest = b""
        try:
            for stream, data in docker.utils.socket.frames_iter(self._file, tty=False):
                if stream == STDERR:
                    self._said = data.decode(errors="replace").strip().rpartition("\n")[2]
                    continue
                *lines, rest = (rest + data).split(b"\n")
                for line in lines:
                    self._hear(json.loads(line))
        except (OSError, ValueError):  # closed from this side
            pass
        for answer in list(self._waiting.values()):
            answer.set_exception(SiteError(f"docker: the agent has ended: {self._said}"))

    def _hear(self, answer: dict[str, Any]) -> None:
        if "line" in answer:
            self._on_line(answer["line"])
            return
        waiting = self._waiting.pop(answer["id"])
        if "error" not in answer:
            waiting.set_result(answer["answer"])
        elif answer["errno"] is not None:
            waiting.set_exception(OSError(answer["errno"], answer["error"]))
        else:
            waiting.set_exception(SiteError(f"docker: the agent: {answer['error']}"))

    def close(self) -> None:
        """Remove the container; it is gone when this returns."""
        with explained("remove the broker's host"):
            remove(self._made)


class BrokerHost:
    """`Host`: the broker's, where the agent calls the function of that name (`agent.ACTS`)."""

    def __init__(self, holder: Holder) -> None:
        self._holder = holder

    def run(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        given = inspect.signature(function).bind(*args, **kwargs).arguments
        answer = self._holder.ask(function.__name__, **given)
        # JSON has no tuples.
        typed: T = msgspec.convert(answer, type=get_type_hints(function)["return"])
        return typed

    def close(self) -> None:
        """Nothing to give back: the network goes with the container."""
