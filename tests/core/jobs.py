"""A job whose runner is never the real one."""

from __future__ import annotations

from pathlib import Path

from stallproof.job import Job
from stallproof.model import Scenario
from stallproof.request import Request
from stallproof.sites.base import SystemSpec


def job_of(scenario: Scenario, root: Path) -> Job:
    spec = SystemSpec(
        profile="hardened",
        python="/nonexistent",
        broker_binary="/nonexistent",
        run_dir=str(root / scenario.name),
    )
    request = Request(
        scenario=scenario,
        spec=spec,
        site="local",
        namespaces=False,
        stack="locked",
        stack_versions={},
        settings=(),
        worker_args=(),
    )
    return Job(request=request, dir=f"runs/{scenario.name}")
