"""`stallproof gate`: the one command that a build calls before it deploys."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from stallproof import catalog
from stallproof.budget import Budget
from stallproof.engine import run_all
from stallproof.exits import exit_for
from stallproof.gate.measures import held_against
from stallproof.gate.thresholds import Thresholds, load_thresholds
from stallproof.job import Job, store
from stallproof.live import Live
from stallproof.model import Scenario
from stallproof.options import Folder, Image, Out, Profiles, SiteName
from stallproof.plan import choose_result_folder, make_jobs, make_result_folder
from stallproof.records import Results
from stallproof.report import write_reports
from stallproof.sites.choice import LOCAL
from stallproof.wish import Wish

BUDGET_S = 600.0
"""Enough for the default set on two processors, every run watched to its end; README has times."""


def gate(
    *,
    tag: Annotated[str, typer.Option(help="The scenarios that bear this tag are run.")] = "gate",
    profile: Profiles = None,
    site: SiteName = LOCAL,
    image: Image = None,
    repeat: Annotated[int, typer.Option(min=1, max=1000, help="Runs of each.")] = 1,
    jobs: Annotated[int, typer.Option(min=1, max=64, help="Runs at once.")] = 4,
    budget_s: Annotated[
        float, typer.Option(min=1, help="Seconds for all runs; what has not ended is unknown.")
    ] = BUDGET_S,
    thresholds: Annotated[
        Path | None, typer.Option(help="TOML: what is allowed; the defaults are in docs/GATE.md.")
    ] = None,
    out: Out = None,
    folder: Folder = None,
) -> None:
    """Decide whether a candidate may be deployed: scenarios against thresholds, in bounded time.

    Exit codes: 0 it may, 1 violated, 2 bad usage, 3 inconclusive, 4 the harness failed.
    """
    budget = Budget(budget_s)
    known = catalog.load(folder)
    allowed = load_thresholds(thresholds, known=known)
    scenarios = catalog.select(known, [f"tag:{tag}"])
    root = choose_result_folder(out)
    plan = [
        job
        for runs, members in by_runs(scenarios, allowed, repeat=repeat).items()
        for job in make_jobs(
            Wish(
                scenarios=members,
                profiles=tuple(profile or ["hardened"]),
                repeat=runs,
                site=site,
                image=image,
            ),
            root=root,
        )
    ]
    root = make_result_folder(root)
    results = held_against(_run(plan, root=root, at_once=jobs, budget=budget), allowed)
    _keep(results, root)
    write_reports(root)
    sys.stdout.write((root / "summary.md").read_text(encoding="utf-8"))
    sys.stdout.write(f"\nReport: {root / 'report.html'}\n")
    raise typer.Exit(exit_for(results))


def by_runs(
    scenarios: list[Scenario], thresholds: Thresholds, *, repeat: int
) -> dict[int, tuple[Scenario, ...]]:
    """The scenarios by how often each is run: as asked, and no less than its threshold wants."""
    found: dict[int, tuple[Scenario, ...]] = {}
    for scenario in scenarios:
        runs = max(repeat, thresholds.of(scenario.name).min_runs_valid or 1)
        found[runs] = (*found.get(runs, ()), scenario)
    return found


def _run(plan: list[Job], *, root: Path, at_once: int, budget: Budget) -> Results:
    with Live(Console(), plan) as live:
        return run_all(
            plan,
            root=root,
            at_once=at_once,
            on_progress=live.progress,
            on_done=live.done,
            budget=budget,
        )


def _keep(results: Results, root: Path) -> None:
    """What the thresholds say belongs to the stored result: reports are made from that alone."""
    for result in results.results:
        for run in result.runs:
            store(root / run.dir / "run.json", run)
    store(root / "run.json", results)
