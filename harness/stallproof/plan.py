"""From what a person asked for to the jobs that answer it."""

from __future__ import annotations

import datetime as dt
import json
import shlex
import sys
from pathlib import Path

import msgspec

from stallproof.interface import InterfaceError, Settings, profiles, settings
from stallproof.job import Job
from stallproof.load.command import LocustLoad
from stallproof.model import Scenario
from stallproof.parts import cache_dir, find_broker, find_toxiproxy
from stallproof.request import Request
from stallproof.sites.base import Route, SystemSpec
from stallproof.sites.namespaces import why_no_namespaces
from stallproof.stacks import Environment, Stack, StackError, prepare

LOCAL, LOOPBACK = "local", "local-loopback"


class PlanError(ValueError):
    """What was asked for cannot be run: one line saying what, where, what would be right."""


class Wish(msgspec.Struct, frozen=True, kw_only=True):
    """What a person asked for."""

    scenarios: tuple[Scenario, ...]
    profiles: tuple[str, ...]
    stacks: tuple[str, ...] = ("locked",)
    repeat: int = 1
    worker_args: tuple[str, ...] = ()
    settings: dict[str, object] = {}
    """Single settings to change, by dotted key."""
    unset: tuple[str, ...] = ()
    """Single settings to leave out, by dotted key."""
    broker: str | None = None
    locust: LocustLoad | None = None
    """Locust plays the clients of every scenario; None: the harness does."""
    command: tuple[str, ...] = ()
    """The whole command where it is another than `stallproof run`."""
    namespaces: bool = True
    """False: plain processes on loopback even where namespaces are to be had."""


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
    try:
        stacks = [Stack.parse(name) for name in wish.stacks]
    except StackError as error:
        raise PlanError(f"--{error}") from None
    environments = {stack.name: prepare(stack, cache=cache_dir()) for stack in stacks}
    in_force = {
        (stack, profile): _settings(environment, profile, env)
        for stack, environment in environments.items()
        for profile in wish.profiles
    }
    broker = find_broker(wish.broker).path
    proxied = any(scenario.route is Route.PROXIED for scenario in wish.scenarios)
    toxiproxy = find_toxiproxy().path if proxied else None
    namespaces = wish.namespaces and _namespaces_at_hand()
    jobs = []
    for scenario in wish.scenarios:
        for profile in wish.profiles:
            for stack, environment in environments.items():
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
                        broker_binary=broker,
                        toxiproxy_binary=toxiproxy,
                        run_dir=str(root.resolve() / folder),
                    )
                    request = Request(
                        scenario=scenario,
                        spec=spec,
                        site=LOCAL if namespaces else LOOPBACK,
                        namespaces=namespaces,
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


def _namespaces_at_hand() -> bool:
    why_not = why_no_namespaces()
    if why_not is not None:
        sys.stderr.write(
            f"stallproof: no namespaces here ({why_not}): plain processes on loopback, and "
            "scenarios that need more are unknown\n"
        )
    return why_not is None


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
