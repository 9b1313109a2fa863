"""From what a person asked for to the jobs that answer it."""

from __future__ import annotations

import datetime as dt
import json
import shlex
from pathlib import Path

from stallproof.ground import ground
from stallproof.interface import InterfaceError, Settings, profiles, settings
from stallproof.job import Job
from stallproof.model import Scenario
from stallproof.request import Request
from stallproof.sites.base import SystemSpec
from stallproof.sites.choice import LOCAL
from stallproof.stacks import Environment
from stallproof.wish import PlanError, Wish


def choose_result_folder(out: Path | None) -> Path:
    """The folder for a new result, not made yet: the one asked for, else a dated one.

    Raises:
        PlanError: it exists and is not empty.
    """
    if out is None:
        stamp = dt.datetime.now().astimezone().strftime("%Y-%m-%d-%H%M%S")
        base = Path("reports") / stamp
        out = next(
            candidate
            for candidate in (base, *(base.with_name(f"{stamp}-{i}") for i in range(2, 1000)))
            if not candidate.exists()
        )
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise PlanError(f"--out {out}: it exists already; name a new folder")
    return out


def make_result_folder(root: Path) -> Path:
    """Make it, once the plan stands: what cannot be run leaves nothing behind. Its whole path.

    Raises:
        PlanError: it cannot be made.
    """
    try:
        root.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise PlanError(f"--out {root}: cannot be made: {error.strerror}") from None
    return root.resolve()


def make_jobs(wish: Wish, *, root: Path) -> list[Job]:
    """Every run of the wish, in the order scenario, profile, stack, repeat.

    Raises:
        PlanError: a profile that the system does not have.
        StackError: a stack that cannot be made.
        SiteError: a part that cannot be had.
    """
    env = _overrides(wish)
    with ground(wish) as given:
        in_force = {
            (stack, profile): _settings(environment, profile, env)
            for stack, environment in given.environments.items()
            for profile in wish.profiles
        }
    jobs = []
    for scenario in wish.scenarios:
        for profile in wish.profiles:
            for stack, environment in given.environments.items():
                for repeat in range(1, wish.repeat + 1):
                    folder = _folder(scenario, profile, stack, repeat, wish)
                    known = in_force[stack, profile]
                    spec = SystemSpec(
                        profile=profile,
                        python=environment.python,
                        python_path=environment.python_path,
                        worker_args=wish.worker_args,
                        env=env,
                        route=scenario.route,
                        persistence=scenario.persistence,
                        task_s=scenario.workload.task_s,
                        image=environment.image,
                        broker_binary=given.broker,
                        toxiproxy_binary=given.toxiproxy,
                        run_dir=str(root.resolve() / folder),
                    )
                    request = Request(
                        scenario=scenario,
                        spec=spec,
                        site=given.site,
                        namespaces=given.site == LOCAL,
                        stack=stack,
                        stack_versions=environment.versions,
                        settings=known.settings,
                        worker_args=(*known.worker_args, *wish.worker_args),
                        asked=_asked(wish),
                        command=wish.command,
                        locust=wish.locust,
                    )
                    jobs.append(Job(request=request, dir=folder))
    return jobs


def _overrides(wish: Wish) -> dict[str, str]:
    env = {}
    if wish.settings:
        env["STORYMIMI_SET"] = json.dumps(wish.settings)
    if wish.unset:
        env["STORYMIMI_UNSET"] = ",".join(wish.unset)
    return env


def _asked(wish: Wish) -> tuple[str, ...]:
    """The wish's own options, as one would type them again."""
    asked = []
    if wish.worker_args:
        asked += ["--worker-args", shlex.join(wish.worker_args)]
    for key, value in wish.settings.items():
        asked += ["--set", f"{key}={json.dumps(value)}"]
    for key in wish.unset:
        asked += ["--unset", key]
    return tuple(asked)


def _settings(environment: Environment, profile: str, env: dict[str, str]) -> Settings:
    known = profiles(environment)
    if profile not in known:
        raise PlanError(
            f"--profile {profile}: there is none of that name; there are: {', '.join(known)}"
        )
    try:
        return settings(environment, profile, env=env)
    except InterfaceError as error:
        raise PlanError(str(error)) from None


def _folder(scenario: Scenario, profile: str, stack: str, repeat: int, wish: Wish) -> str:
    """A readable name, unique within the result."""
    parts = [scenario.name, profile]
    if len(wish.stacks) > 1:
        parts.append(stack.replace("==", "-").replace(",", "+"))
    if wish.repeat > 1:
        parts.append(f"{repeat:03d}")
    return "runs/" + "--".join(parts)
