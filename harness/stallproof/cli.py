"""The command line: every command thin, all work elsewhere."""

from __future__ import annotations

import json
import shlex
import sys
from pathlib import Path
from typing import Annotated, NoReturn

import msgspec
import typer
from rich.console import Console

from stallproof import bench as benchmark
from stallproof import catalog
from stallproof.ablation.command import ablate
from stallproof.calibration import CalibrationError
from stallproof.engine import run_all
from stallproof.exits import Exit, exit_for
from stallproof.gate.command import gate
from stallproof.interface import InterfaceError
from stallproof.lint import LintError
from stallproof.lint.command import lint
from stallproof.live import Live
from stallproof.load.app import load as load_command
from stallproof.load.files import LoadError
from stallproof.measuring import calibrate, clock, keepalive, sites
from stallproof.options import Folder, Image, Out, Profiles, SiteName
from stallproof.parts import doctor as examine
from stallproof.plan import choose_result_folder, make_jobs, make_result_folder
from stallproof.report import ReportError, load_results, write_reports
from stallproof.report.table import summary
from stallproof.sites.base import SiteError
from stallproof.sites.choice import LOCAL, LOOPBACK
from stallproof.stacks import StackError
from stallproof.tables import doctor_table, scenarios_table
from stallproof.wish import PlanError, Wish

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Find out by experiment whether a Celery + Redis system survives Cloud Run.",
)
app.command()(gate)
app.command("load")(load_command)
DEFAULT_TAG = "tag:default"
INTERRUPTED = 130
"""What typer exits with after Ctrl-C: a code of its own, and not a word."""

Scenarios = Annotated[
    list[str] | None,
    typer.Argument(
        help=f"Names, tag:NAME for a group, {catalog.ALL}; the default set if none is given."
    ),
]


@app.command("list")
def list_scenarios(
    *,
    folder: Folder = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON array.")] = False,
) -> None:
    """List the scenarios: what each breaks, and its tags."""
    found = list(catalog.load(folder).values())
    if as_json:
        _print_json(msgspec.to_builtins(found))
    else:
        Console().print(scenarios_table(found))


@app.command()
def run(
    names: Scenarios = None,
    *,
    profile: Profiles = None,
    stack: Annotated[
        list[str] | None,
        typer.Option(help="Exact versions, e.g. celery==5.3.6,kombu==5.3.7,redis==5.0.8."),
    ] = None,
    site: SiteName = LOCAL,
    image: Image = None,
    repeat: Annotated[int, typer.Option(min=1, max=1000, help="Runs of each.")] = 1,
    jobs: Annotated[int, typer.Option(min=1, max=64, help="Runs at once.")] = 4,
    out: Out = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on stdout.")] = False,
    speed: Annotated[
        float | None,
        typer.Option(min=1, help="System seconds in a real one; the most allowed by default."),
    ] = None,
    worker_args: Annotated[str, typer.Option(help="Worker flags beyond the profile's.")] = "",
    set_: Annotated[
        list[str] | None, typer.Option("--set", help="KEY=VALUE (JSON): change one setting.")
    ] = None,
    unset: Annotated[
        list[str] | None, typer.Option(help="KEY or worker's --FLAG: leave it out.")
    ] = None,
    must_hold: Annotated[
        list[str] | None,
        typer.Option(help="Only these profiles decide the exit code; all by default."),
    ] = None,
    broker: Annotated[
        str | None, typer.Option(help="Path of a redis-server or valkey-server.")
    ] = None,
    loopback: Annotated[
        bool, typer.Option(help=f"The same as --site {LOOPBACK}: no namespaces.")
    ] = False,
    folder: Folder = None,
) -> None:
    """Run scenarios and judge them."""
    if loopback and site not in (LOCAL, LOOPBACK):
        raise PlanError(f"--loopback: it is a kind of --site {LOCAL}, not of --site {site}")
    wish = Wish(
        scenarios=tuple(catalog.select(catalog.load(folder), names or [DEFAULT_TAG])),
        profiles=tuple(profile or ["hardened"]),
        stacks=tuple(stack or ["locked"]),
        repeat=repeat,
        worker_args=_flags(worker_args),
        settings=dict(_setting(text) for text in set_ or []),
        unset=tuple(unset or []),
        speed=speed,
        broker=broker,
        site=LOOPBACK if loopback else site,
        image=image,
    )
    if stray := set(must_hold or []) - set(wish.profiles):
        raise PlanError(f"--must-hold {stray.pop()}: that profile is not among those run")
    console = Console(stderr=as_json)
    root = choose_result_folder(out)
    with console.status("Looking for the parts and making the stacks"):
        plan = make_jobs(wish, root=root)
    root = make_result_folder(root)
    with Live(console, plan) as live:
        results = run_all(
            plan, root=root, at_once=jobs, on_progress=live.progress, on_done=live.done
        )
    write_reports(root)
    console.print(summary(results))
    console.print(f"Report: {root / 'report.html'}")
    if as_json:
        _print_json(results.to_builtins())
    raise typer.Exit(exit_for(results, must_hold=tuple(must_hold or [])))


@app.command()
def report(
    folder: Annotated[Path, typer.Argument(help="Folder of a stored result or of one run.")],
) -> None:
    """Make the reports of a stored result again."""
    write_reports(folder)
    results = load_results(folder)
    Console().print(summary(results))
    raise typer.Exit(exit_for(results))


@app.command()
def doctor(
    *, as_json: Annotated[bool, typer.Option("--json", help="One JSON array.")] = False
) -> None:
    """Say which parts were found, and what each missing one costs."""
    rows = examine()
    if as_json:
        _print_json(msgspec.to_builtins(rows))
    else:
        Console().print(doctor_table(rows))


@app.command()
def bench(
    *,
    repeat: Annotated[int, typer.Option(min=2, max=200, help="Boots to time.")] = 10,
    out: Out = None,
) -> None:
    """Time boot to first executed story, and what the harness itself costs."""
    console = Console()
    root = choose_result_folder(out)
    plan = make_jobs(benchmark.wish(repeat), root=root)
    root = make_result_folder(root)
    with Live(console, plan) as live:
        results = run_all(plan, root=root, at_once=1, on_progress=live.progress, on_done=live.done)
    console.print(benchmark.table(results))
    raise typer.Exit(exit_for(results))


for command in (lint, calibrate, keepalive, ablate, clock, sites):
    app.command()(command)


def _flags(text: str) -> tuple[str, ...]:
    try:
        return tuple(shlex.split(text))
    except ValueError as error:
        raise PlanError(f"--worker-args {text!r}: {error}") from None


def _setting(text: str) -> tuple[str, object]:
    key, equals, value = text.partition("=")
    if not equals or not key:
        raise PlanError(f"--set {text!r}: say KEY=VALUE, the value as JSON")
    try:
        return key, json.loads(value)
    except ValueError:
        raise PlanError(f"--set {text!r}: {value!r} is not JSON (quote strings)") from None


def _print_json(value: object) -> None:
    sys.stdout.write(json.dumps(value, indent=2) + "\n")


def main() -> None:
    """The console script: every known error is one line and an exit code of its own."""
    try:
        app()
    except (
        PlanError,
        LoadError,
        CalibrationError,
        catalog.CatalogError,
        ReportError,
        LintError,
    ) as error:
        _end(error, Exit.USAGE)
    except (SiteError, StackError, InterfaceError) as error:
        _end(error, Exit.HARNESS)
    except SystemExit as ended:
        if ended.code == INTERRUPTED:
            _end("interrupted: runs that had ended by then are stored", Exit.INCONCLUSIVE)
        raise


def _end(why: object, code: Exit) -> NoReturn:
    sys.stderr.write(f"stallproof: {why}\n")
    sys.exit(code)
