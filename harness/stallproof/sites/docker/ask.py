"""Asks an image: runs a command in it once, and hands back what it said."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from testcontainers.core.container import DockerContainer

from stallproof.sites.docker.engine import explained

TIMEOUT_S = 30


class Answer:
    """How a command in an image ended."""

    def __init__(self, code: int, out: bytes, err: bytes) -> None:
        self.code = code
        self.out = out
        self.err = err.decode(errors="replace")


def ask(image: str, command: Sequence[str], *, env: Mapping[str, str]) -> Answer:
    """Run it with nothing but that environment, and no network. For use under `reaped`.

    Raises:
        SiteError: the engine does not run it, or it does not end in time.
    """
    container = DockerContainer(image, env=dict(env)).with_command(list(command))
    container.with_kwargs(network="none", healthcheck={"test": ["NONE"]})
    with explained(f"ask the image {image}"), container:
        ended = container.get_wrapped_container()
        code = int(ended.wait(timeout=TIMEOUT_S)["StatusCode"])
        return Answer(code, *container.get_logs())
