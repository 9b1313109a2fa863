"""What a service finds in its environment: the system's whole configuration interface."""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping
from pathlib import Path, PurePath

from stallproof.sites.base import API, BACKEND, WORKER, Address, Link, SystemSpec


def environment_of(
    service: str,
    *,
    spec: SystemSpec,
    at: Mapping[Link, Address],
    port: int,
    password: str,
    folder: PurePath,
    ledger: PurePath,
) -> dict[str, str]:
    """What the system reads, wherever it runs. `spec.env` has the last word.

    `at` is where this service reaches the broker on each link: the broker or its proxy. `folder`
    is for its database.
    """
    broker, backend = sorted(API if service == "api" else WORKER, key=BACKEND.__contains__)

    def url(link: Link) -> str:
        return f"redis://:{password}@{at[link].host}:{at[link].port}/0"

    return {
        "SERVICE_TYPE": service,
        "PORT": str(port),
        "REDIS_URL": url(broker),
        "RESULT_BACKEND_URL": url(backend),
        "DATABASE_URL": f"sqlite:///{folder / 'stories.db'}",
        "STORYMIMI_PROFILE": spec.profile,
        "STORYMIMI_WORKER_ARGS": shlex.join(spec.worker_args),
        "STORYMIMI_LEDGER": str(ledger),
        "OFFLINE_DURATION_S": str(spec.task_s),
        **spec.env,
    }


def surroundings(spec: SystemSpec, *, home: Path, clock: Mapping[str, str]) -> dict[str, str]:
    """What a process of this machine needs besides: nothing of the harness's own but PATH.

    `clock` makes it live in the run's time.
    """
    python_path = {} if spec.python_path is None else {"PYTHONPATH": spec.python_path}
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": str(home),
        # billiard keeps a folder per process, and a killed process leaves it there.
        "TMPDIR": str(home),
        "LANG": "C.UTF-8",
        "PYTHONUNBUFFERED": "1",
        **python_path,
        **clock,
    }
