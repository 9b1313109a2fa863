"""How long a run takes to get going, and what the harness itself costs beside it."""

from __future__ import annotations

import statistics

from rich.table import Table

from stallproof.model import Limits, Scenario, Workload
from stallproof.records import Results
from stallproof.sites.base import Route
from stallproof.wish import Wish

BARE = Scenario(
    name="bench",
    title="Boot, a few stories, nothing broken",
    on_cloud_run="A quiet moment.",
    guide_promises="That it works.",
    must_hold="Everything.",
    workload=Workload(rate_per_s=2, for_s=2, task_s=0.1),
    limits=Limits(settle_s=10),
    route=Route.PROXIED,
)


def wish(repeat: int) -> Wish:
    """One boot after another, so that none waits for another's processor."""
    return Wish(scenarios=(BARE,), profiles=("hardened",), repeat=repeat)


def table(results: Results) -> Table:
    """Median and spread over the runs of a result."""
    runs = [run for result in results.results for run in result.runs]
    columns = {
        "boot to first executed story": [run.boot_s for run in runs if run.boot_s is not None],
        "whole run": [run.seconds for run in runs],
        "processor time of the harness": [
            run.harness_cpu_s for run in runs if run.harness_cpu_s is not None
        ],
    }
    drawn = Table(title=f"{len(runs)} runs, one after another; seconds")
    for heading in ("", "n", "min", "median", "max"):
        drawn.add_column(heading, justify="left" if not heading else "right")
    for name, values in columns.items():
        if values:
            figures = (min(values), statistics.median(values), max(values))
            drawn.add_row(name, str(len(values)), *(f"{value:.2f}" for value in figures))
    return drawn
