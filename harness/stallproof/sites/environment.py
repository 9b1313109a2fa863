"""What a service finds in its environment: the system's whole configuration interface."""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping
from pathlib import Path

from stallproof.sites.base import API, BACKEND, WORKER, Address, Link, SystemSpec


def environment_of(
    service: str,
    *,
    spec: SystemSpec,
    at: Mapping[Link, Address],
    port: int,
    password: str,
    scratch: Path,
    ledger: Path,
    clock: Mapping[str, str],
) -> dict[str, str]:
    """A clean environment: nothing of the harness's own but PATH. `spec.env` has the last word.

    `clock` makes it live in the run's time. `at` is where this service reaches the broker on
    each link: the broker or its proxy.
    """
    broker, backend = sorted(API if service == "api" else WORKER, key=BACKEND.__contains__)

    def url(link: Link) -> str:
        return f"redis://:{password}@{at[link].host}:{at[link].port}/0"

    python_path = {} if spec.python_path is None else {"PYTHONPATH": spec.python_path}
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": str(scratch),
        "LANG": "C.UTF-8",
        "PYTHONUNBUFFERED": "1",
        **python_path,
        "SERVICE_TYPE": service,
        "PORT": str(port),
        "REDIS_URL": url(broker),
        "RESULT_BACKEND_URL": url(backend),
        "DATABASE_URL": f"sqlite:///{scratch / 'stories.db'}",
        "STORYMIMI_PROFILE": spec.profile,
        "STORYMIMI_WORKER_ARGS": shlex.join(spec.worker_args),
        "STORYMIMI_LEDGER": str(ledger),
        "OFFLINE_DURATION_S": str(spec.task_s),
        **clock,
        **spec.env,
    }
