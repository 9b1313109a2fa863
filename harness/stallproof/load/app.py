"""`stallproof load`: Locust on a system booted here, faults and all, or on a deployed one."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.console import Console

from stallproof import catalog
from stallproof.exits import Exit
from stallproof.load.command import HTML, LocustLoad
from stallproof.load.files import LoadError
from stallproof.load.identity import Identity, TokenSource
from stallproof.load.onsite import load_on_site, search_on_site
from stallproof.load.printed import print_result
from stallproof.load.result import exit_code
from stallproof.load.shapes import Shape, read_shape
from stallproof.load.target import check_target, load_target
from stallproof.load.thresholds import read_thresholds
from stallproof.model import Scenario
from stallproof.options import Image, SiteName
from stallproof.plan import choose_result_folder, make_result_folder
from stallproof.sites.choice import LOCAL
from stallproof.wish import Wish

CONCURRENCY = "--concurrency=8"
"""Under load a worker has more pool processes than the profiles, which are written for one CPU."""
END_S = 20.0
"""For Locust to write its files, beyond its drain limit."""
BARE = Scenario(
    name="load",
    title="Load, nothing broken",
    on_cloud_run="A busy day.",
    guide_promises="That it works.",
    must_hold="Every story is accepted and done, and the thresholds are kept.",
)


def load(
    *,
    target: Annotated[
        str | None, typer.Option(help="Base URL of a deployed system; else one is booted here.")
    ] = None,
    site: SiteName = LOCAL,
    image: Image = None,
    scenario: Annotated[
        str | None, typer.Option(help="Its faults go while Locust loads (not with --target).")
    ] = None,
    profile: Annotated[str, typer.Option(help="Celery profile of the booted system.")] = "hardened",
    shape: Annotated[str, typer.Option(help="How clients arrive: loadtests/shapes.toml.")] = (
        "steady"
    ),
    rate_per_s: Annotated[
        float | None, typer.Option(help="The shape's highest rate, clients a second.")
    ] = None,
    for_s: Annotated[float | None, typer.Option(help="How long clients arrive, seconds.")] = None,
    task_s: Annotated[
        float, typer.Option(min=0.001, help="Work in a story of the booted system, seconds.")
    ] = 0.05,
    worker_args: Annotated[
        str, typer.Option(help="Flags of the booted worker beyond the profile's.")
    ] = CONCURRENCY,
    processes: Annotated[int, typer.Option(min=1, max=64, help="Locust processes.")] = 1,
    thresholds: Annotated[Path | None, typer.Option(help="TOML file of thresholds.")] = None,
    drain_limit_s: Annotated[
        float, typer.Option(min=1, help="Watch for so long after the last client.")
    ] = 60.0,
    i_own_this_target: Annotated[
        bool, typer.Option(help="Needed for a target that is not this machine.")
    ] = False,
    identity_token: Annotated[
        TokenSource | None, typer.Option(help="For a private Cloud Run service: from where.")
    ] = None,
    search: Annotated[
        bool, typer.Option("--find-ceiling", help="Raise the rate until it does not hold.")
    ] = False,
    out: Annotated[Path | None, typer.Option(help="A new folder for the result.")] = None,
) -> None:
    """Load a system with Locust and judge it by thresholds."""
    chosen = read_shape(shape).stretched(rate_per_s=rate_per_s, for_s=for_s)
    chosen.check_not_empty()
    read_thresholds(thresholds)
    locust = LocustLoad(
        shape=shape,
        rate_per_s=chosen.rate_per_s,
        for_s=chosen.for_s,
        processes=processes,
        thresholds=None if thresholds is None else str(thresholds.resolve()),
        drain_limit_s=drain_limit_s,
        identity_token=identity_token,
        owned=i_own_this_target or target is None,
    )
    if target is not None:
        if scenario is not None or search:
            option = "--find-ceiling" if search else "--scenario"
            raise LoadError(f"{option}: it needs a system booted here; leave --target out")
        check_target(
            target, owned=i_own_this_target, shape=chosen, with_token=identity_token is not None
        )
        raise typer.Exit(_on_target(target, locust, out))
    base = BARE if scenario is None else catalog.select(catalog.load(), [scenario])[0]

    def wish_at(rate_per_s: float) -> Wish:
        return load_wish(
            msgspec.structs.replace(locust, rate_per_s=rate_per_s),
            chosen.stretched(rate_per_s=rate_per_s, for_s=None),
            scenario=base,
            task_s=task_s,
            profile=profile,
            worker_args=worker_args,
            site=site,
            image=image,
        )

    root = choose_result_folder(out)
    if search:
        raise typer.Exit(search_on_site(wish_at, first_per_s=chosen.rate_per_s, root=root))
    raise typer.Exit(load_on_site(wish_at(chosen.rate_per_s), root=root))


def load_wish(
    locust: LocustLoad,
    shape: Shape,
    *,
    scenario: Scenario,
    task_s: float,
    profile: str,
    worker_args: str,
    site: str = LOCAL,
    image: str | None = None,
) -> Wish:
    """The scenario with this load in place of its own workload.

    Raises:
        LoadError: the load ends before the scenario's last fault.
    """
    limits = msgspec.structs.replace(scenario.limits, settle_s=locust.drain_limit_s + END_S)
    try:
        loaded = msgspec.structs.replace(
            scenario, workload=shape.workload(task_s=task_s), limits=limits
        )
    except ValueError as error:
        raise LoadError(f"--for-s {shape.for_s:g}: {error}") from None
    return Wish(
        scenarios=(loaded,),
        profiles=(profile,),
        worker_args=tuple(worker_args.split()),
        locust=locust,
        command=("stallproof", *sys.argv[1:]),
        site=site,
        image=image,
    )


def _on_target(url: str, locust: LocustLoad, out: Path | None) -> Exit:
    console = Console()
    Identity(locust.identity_token, audience=url).headers()  # none to be had: refused in one line
    root = make_result_folder(choose_result_folder(out))
    with console.status("Locust starts") as status:
        result = load_target(
            url,
            locust,
            folder=root,
            on_progress=lambda accepted, done: status.update(f"accepted {accepted}  done {done}"),
        )
    print_result(result)
    console.print(f"Locust's report: {root / HTML}")
    return exit_code(result)
