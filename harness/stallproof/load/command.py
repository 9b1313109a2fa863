"""Locust's command line. It runs as a process of its own: nothing of ours is ever patched."""

from __future__ import annotations

import os
import socket
import sys
from pathlib import Path

import msgspec

from stallproof.load.files import default_folder
from stallproof.load.identity import TokenSource

RESULT, HTML, CSV = "load.json", "locust.html", "locust"
"""What Locust leaves in the folder: its verdict, its report, and the prefix of its CSV files."""


class LocustLoad(msgspec.Struct, frozen=True, kw_only=True):
    """What Locust is to do."""

    shape: str
    rate_per_s: float
    for_s: float
    processes: int = 1
    """Senders; with more than one, a master beside them that only counts."""
    thresholds: str | None = None
    """Path of the file; None: `loadtests/thresholds.toml`."""
    drain_limit_s: float = 60.0
    identity_token: TokenSource | None = None
    owned: bool = False
    """The target may be another machine: booted for this run, or somebody gave their word."""


def locust_command(
    load: LocustLoad, *, host: str, folder: Path, lines: Path | None, go: Path | None
) -> list[str]:
    """The argv; results go into `folder`, each story's events to `lines`; `go` starts it."""
    optional: dict[str, object] = {
        "--thresholds": load.thresholds,
        "--identity-token": load.identity_token,
        "--lines": lines,
        "--go": go,
    }
    command = [
        *[sys.executable, "-m", "locust", "-f", str(default_folder() / "locustfile.py")],
        *["--headless", "--only-summary", "--host", host],
        *["--shape", load.shape, "--rate-per-s", repr(load.rate_per_s)],
        *["--for-s", repr(load.for_s), "--drain-limit-s", repr(load.drain_limit_s)],
        *["--result", str(folder / RESULT), "--html", str(folder / HTML)],
        *["--csv", str(folder / CSV)],
    ]
    for option, value in optional.items():
        if value is not None:
            command += [option, str(value)]
    if load.owned:
        command.append("--i-own-this-target")
    if load.processes > 1:
        port = str(_free_port())
        command += ["--processes", str(load.processes), "--master-bind-host", "127.0.0.1"]
        command += ["--master-bind-port", port, "--master-port", port]
    return command


def locust_environment() -> dict[str, str]:
    """Ours, without what would tell Locust to do something else."""
    return {name: value for name, value in os.environ.items() if not name.startswith("LOCUST_")}


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
