"""One container as a life: started, its output to a log, killed whole, removed at its end."""

from __future__ import annotations

import contextlib
import io
import signal
import threading
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol

import docker
import docker.errors
import requests
from docker.models.containers import Container
from docker.types import EndpointConfig
from testcontainers.core.container import DockerContainer
from testcontainers.core.exceptions import ContainerStartException

from stallproof.sites.docker.engine import said_by
from stallproof.sites.life import OnExit
from stallproof.sites.logs import ServiceLog

LABEL = "stallproof.run"
"""On every container, network and volume of a run: the run's folder."""
_LAST_WORDS_S = 2.0
_BY_SIGNAL = 128
"""An exit code above it: the signal's number on top, as a shell has it."""


class Made(Protocol):
    """A container of whoever makes them: `DockerContainer` (testcontainers), or Compose's."""

    def get_wrapped_container(self) -> Container:
        """The engine's own notion of it.

        Raises:
            ContainerStartException: there is none yet.
        """

    def start(self) -> object:
        """Start it, for the first time."""

    def stop(self) -> None:
        """Remove it, running or not."""


class Blueprint:
    """What a container is made of. Each `make` gives another container of the same kind."""

    def __init__(
        self,
        image: str,
        *,
        run: str,
        network: str,
        address: str | None = None,
        command: Sequence[str] | None = None,
        entrypoint: Sequence[str] | None = None,
        volumes: Mapping[str, str] | None = None,
        files: Mapping[str, bytes] | None = None,
        **options: Any,
    ) -> None:
        """`network` is a network's name, or `container:ID` for that container's own.

        `address` is the container's on that network; `volumes` maps names to paths; `files` are
        copied into it, by path; `options` are docker's own.
        """
        self._image = image
        self._run = run
        self._command = command
        self._volumes = [(name, path, "rw") for name, path in (volumes or {}).items()]
        self._files = files or {}
        self._options = {"network": network, **options}
        if entrypoint is not None:
            self._options["entrypoint"] = list(entrypoint)
        if address is not None:
            endpoint = EndpointConfig("1.41", ipv4_address=address)
            self._options["networking_config"] = {network: endpoint}

    def make(self, env: Mapping[str, str] | None = None) -> DockerContainer:
        """A container, not started yet."""
        container = DockerContainer(
            self._image,
            env=dict(env or {}),
            volumes=self._volumes,
            transferables=[(data, path, 0o644) for path, data in self._files.items()],
        )
        # Its own notion of a network knows neither fixed addresses nor another's namespace.
        container.with_kwargs(
            labels={LABEL: self._run},
            # Cloud Run asks by its own probes, and so does the harness.
            healthcheck={"test": ["NONE"]},
            **self._options,
        )
        if self._command is not None:
            container.with_command(list(self._command))
        return container


class ContainerLife:
    """`Life`: a container from its start to its end; it is removed then, unless it is `kept`.

    One that was kept is started again: that takes the engine half as long as a new one.

    Raises:
        OSError: it cannot be started.
    """

    def __init__(self, made: Made, *, log: ServiceLog, on_exit: OnExit, kept: bool = False) -> None:
        self._made = made
        self._kept = kept
        try:
            self._container, lines = _started(made)
            self._container.reload()
        except (docker.errors.DockerException, requests.RequestException) as error:
            remove(made)
            raise OSError(said_by(error)) from error
        self.pid = int(self._container.attrs["State"]["Pid"])
        self._on_exit = on_exit
        self._gone = threading.Event()
        self._reader = threading.Thread(target=self._read, args=(lines, log))
        for thread in (self._reader, threading.Thread(target=self._reap)):
            thread.daemon = True
            thread.start()

    @property
    def id(self) -> str:
        """The engine's name for it."""
        return str(self._container.id)

    def _read(self, lines: Iterator[bytes], log: ServiceLog) -> None:
        with io.BufferedReader(_Chunks(lines)) as pipe:
            log.drain(pipe)

    def _reap(self) -> None:
        try:
            code = int(self._container.wait()["StatusCode"])
        except (docker.errors.DockerException, requests.RequestException):
            code = _BY_SIGNAL + signal.SIGKILL  # removed by somebody else, or the engine is gone
        self._reader.join(_LAST_WORDS_S)
        self._on_exit(_BY_SIGNAL - code if code > _BY_SIGNAL else code)
        if not self._kept:
            # Only a container that is gone gives its address back. If it stays, so does the
            # run's network, and that is an error when the run ends.
            with contextlib.suppress(docker.errors.DockerException):
                remove(self._made)
        self._gone.set()

    @property
    def running(self) -> bool:
        return not self._gone.is_set()

    def signal(self, number: int) -> None:
        """As `docker kill --signal` does; nothing if it has ended."""
        with contextlib.suppress(docker.errors.APIError):  # 404 and 409: it has
            self._container.kill(signal=number)

    def kill_tree(self) -> None:
        """A container ends whole with its first process."""
        self.signal(signal.SIGKILL)

    def wait(self, timeout_s: float) -> bool:
        """True once it has ended (and is removed, unless kept) and its last line is in the log."""
        return self._gone.wait(timeout_s)


def remove(made: Made) -> None:
    """Remove it, running or not; nothing if it is gone.

    Raises:
        docker.errors.APIError: the engine refuses.
    """
    with contextlib.suppress(docker.errors.NotFound):
        made.stop()


def _started(made: Made) -> tuple[Container, Iterator[bytes]]:
    """Start it, for the first time or again: the container, and what it says from then on."""
    try:
        container = made.get_wrapped_container()
    except ContainerStartException:
        made.start()
        container = made.get_wrapped_container()
        return container, container.logs(stream=True, follow=True)
    said = container.attach(stdout=True, stderr=True, stream=True)
    container.start()
    return container, said


class _Chunks(io.RawIOBase):
    """An iterator of bytes as a file to read from."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._rest = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._rest:
            try:
                self._rest = next(self._chunks)
            except StopIteration:
                return 0
        size = min(len(buffer), len(self._rest))
        buffer[:size], self._rest = self._rest[:size], self._rest[size:]
        return size
