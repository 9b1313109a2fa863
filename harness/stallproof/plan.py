"""From what a person asked for to the jobs that answer it."""

from __future__ import annotations

import datetime as dt
import functools
import json
import shlex
from pathlib import Path

from stallproof.clock.build import find_shim
from stallproof.ground import Ground, ground
from stallproof.interface import InterfaceError, Settings, profiles, settings
from stallproof.job import Job
from stallproof.model import Scenario
from stallproof.request import Request
from stallproof.sites.base import SystemSpec
from stallproof.sites.capabilities import FrontEnd, Routing
from stallproof.sites.choice import LOCAL, LOOPBACK
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
        PlanError: a profile that the system does not have, or a speed that is too high.
        StackError: a stack that cannot be made.
        SiteError: a part that cannot be had.
    """
    speeds = {scenario.name: _speed(scenario, wish) for scenario in wish.scenarios}
    shim = find_shim() if max(speeds.values(), default=1.0) > 1 else None
    with ground(wish) as given:
        in_force = _in_force(wish, given)
    jobs = []
    for scenario in wish.scenarios:
        for profile in wish.profiles:
            for stack, environment in given.environments.items():
                for repeat in range(1, wish.repeat + 1):
                    folder = _folder(scenario, profile, stack, repeat, wish)
                    known = in_force[scenario.name, stack, profile]
                    spec = SystemSpec(
                        profile=profile,
                        python=environment.python,
                        python_path=environment.python_path,
                        worker_args=wish.worker_args,
                        env=_overrides(scenario, wish),
                        route=scenario.route,
                        persistence=scenario.persistence,
                        task_s=scenario.workload.task_s,
                        image=environment.image,
                        broker_binary=given.broker,
                        toxiproxy_binary=given.toxiproxy,
                        front=needs_front(scenario),
                        shim=shim,
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
                        speed=speeds[scenario.name],
                        command=wish.command,
                        locust=wish.locust,
                    )
                    jobs.append(Job(request=request, dir=folder))
    return jobs


def needs_front(scenario: Scenario) -> bool:
    """Whether a fault acts through what stands before the API; else nothing is put there."""
    needed = {need for step in scenario.schedule.steps for need in step.fault.needed}
    return not needed.isdisjoint((FrontEnd, Routing))


def _speed(scenario: Scenario, wish: Wish) -> float:
    """The one asked for; else the most that the scenario, the site and the driver allow."""
    real_time = None
    if wish.site not in (LOCAL, LOOPBACK):
        real_time = f"the {wish.site} site lives in real time; use --site {LOCAL}"
    elif wish.locust is not None:
        real_time = "Locust lives in real time; use stallproof run"
    if wish.speed is None:
        return scenario.max_speed if real_time is None else 1.0
    if wish.speed > 1 and real_time is not None:
        raise PlanError(f"--speed {wish.speed:g}: {real_time}")
    if wish.speed > scenario.max_speed:
        raise PlanError(
            f"--speed {wish.speed:g}: {scenario.name} allows at most {scenario.max_speed:g}, "
            "because timers of the kernel or the work of this machine decide what is seen in it"
        )
    return wish.speed


def _in_force(wish: Wish, given: Ground) -> dict[tuple[str, str, str], Settings]:
    """By scenario, stack and profile; the system is asked once for each different question."""

    @functools.cache
    def ask(stack: str, profile: str, env: frozenset[tuple[str, str]]) -> Settings:
        return _settings(given.environments[stack], profile, dict(env))

    return {
        (scenario.name, stack, profile): ask(
            stack, profile, frozenset(_overrides(scenario, wish).items())
        )
        for scenario in wish.scenarios
        for stack in given.environments
        for profile in wish.profiles
    }


def _overrides(scenario: Scenario, wish: Wish) -> dict[str, str]:
    """The scenario's own settings, and over them what was asked for."""
    env = {}
    if together := {**scenario.settings, **wish.settings}:
        env["STORYMIMI_SET"] = json.dumps(together)
    if wish.unset:
        env["STORYMIMI_UNSET"] = ",".join(wish.unset)
    return env


def _asked(wish: Wish) -> tuple[str, ...]:
    """The wish's own options, as one would type them again."""
    asked = [] if wish.speed is None else ["--speed", f"{wish.speed:g}"]
    if wish.worker_args:
        asked += ["--worker-args", shlex.join(wish.worker_args)]
    for key, value in wish.settings.items():
        asked += ["--set", f"{key}={json.dumps(value)}"]
    for key in wish.unset:
        asked += ["--unset", key]
    return tuple(asked)


def _settings(environment: Environment, profile: str, env: dict[str, str]) -> Settings:
    try:
        return settings(environment, profile, env=env)
    except InterfaceError as error:
        known = profiles(environment)  # asked only now: each question costs a start of Python
        if profile in known:
            raise PlanError(str(error)) from None
        raise PlanError(
            f"--profile {profile}: there is none of that name; there are: {', '.join(known)}"
        ) from None


def _folder(scenario: Scenario, profile: str, stack: str, repeat: int, wish: Wish) -> str:
    """A readable name, unique within the result."""
    parts = [scenario.name, profile]
    if len(wish.stacks) > 1:
        parts.append(stack.replace("==", "-").replace(",", "+"))
    if wish.repeat > 1:
        parts.append(f"{repeat:03d}")
    return "runs/" + "--".join(parts)
