"""Asks an image: runs a command in it once, and hands back what it said."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from testcontainers.core.container import DockerContainer

from stallproof.commands import check_ended
from stallproof.sites.docker.engine import explained

TIMEOUT_S = 30


def ask(image: str, command: Sequence[str], *, env: Mapping[str, str]) -> str:
    """What it writes to standard output, run with nothing but that environment, and no network.

    For use under `reaped`.

    Raises:
        CommandError: its exit code is not 0.
        SiteError: the engine does not run it, or it does not end in time.
    """
    container = DockerContainer(image, env=dict(env)).with_command(list(command))
    container.with_kwargs(network="none", healthcheck={"test": ["NONE"]})
    with explained(f"ask the image {image}"), container:
        ended = container.get_wrapped_container()
        code = int(ended.wait(timeout=TIMEOUT_S)["StatusCode"])
        out, err = container.get_logs()
    check_ended(code, out=out, err=err)
    return out.decode(errors="replace")
