"""`stallproof ablate`: each knob off alone and on alone, and what comes of it."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from stallproof import catalog
from stallproof.ablation.cells import Cell, cells_of, jobs_of, knobs_called, latest
from stallproof.ablation.document import markdown
from stallproof.engine import run_all
from stallproof.exits import Exit
from stallproof.live import Live
from stallproof.options import Folder, Out, SiteName
from stallproof.plan import choose_result_folder, make_result_folder
from stallproof.records import Results
from stallproof.report import load_results, write_reports
from stallproof.results import harness_failed
from stallproof.sites.choice import LOCAL
from stallproof.wish import PlanError


def ablate(
    *,
    only: Annotated[
        list[str] | None, typer.Option(help="Knobs whose name contains this; all by default.")
    ] = None,
    scenario: Annotated[
        list[str] | None, typer.Option(help="Only the comparisons under this scenario.")
    ] = None,
    repeat: Annotated[int, typer.Option(min=2, max=100, help="Runs of each side.")] = 5,
    jobs: Annotated[int, typer.Option(min=1, max=64, help="Runs at once.")] = 4,
    site: SiteName = LOCAL,
    out: Out = None,
    of: Annotated[
        list[Path] | None,
        typer.Option(
            help="A stored result: make its table again, run nothing. Of several, each scenario's "
            "runs are those of the last that has it."
        ),
    ] = None,
    document: Annotated[Path | None, typer.Option(help="Write the table to this file.")] = None,
    folder: Folder = None,
) -> None:
    """Switch each knob off alone and on alone in the scenarios that it claims to help."""
    if not of:
        words = ["stallproof", "ablate"]
        words += [word for name in only or [] for word in ("--only", name)]
        words += [word for name in scenario or [] for word in ("--scenario", name)]
        command = shlex.join([*words, "--repeat", str(repeat)])
        cells = [
            cell
            for cell in cells_of(knobs_called(only or []))
            if not scenario or cell.claim.scenario in scenario
        ]
        results = _run(cells, repeat=repeat, jobs=jobs, site=site, out=out, folder=folder)
    else:
        results = latest([load_results(each) for each in of])
        n = max((each.n for each in results.results), default=0)
        command = f"stallproof ablate --repeat {n}"
    text = markdown(results, command=command)
    if document is None:
        sys.stdout.write(text)
    else:
        try:
            document.write_text(text, encoding="utf-8")
        except OSError as error:
            raise PlanError(f"--document {document}: cannot be written: {error.strerror}") from None
    raise typer.Exit(Exit.HARNESS if harness_failed(results) else Exit.VALID)


def _run(
    cells: Sequence[Cell],
    *,
    repeat: int,
    jobs: int,
    site: str,
    out: Path | None,
    folder: Path | None,
) -> Results:
    if not cells:
        raise PlanError("--only, --scenario: no comparison is left of that")
    console = Console()
    root = choose_result_folder(out)
    with console.status("Asking the system what is in force on every side"):
        plan = jobs_of(cells, catalog=catalog.load(folder), repeat=repeat, site=site, root=root)
    console.print(f"{len(cells)} comparisons, {len(plan)} runs")
    root = make_result_folder(root)
    with Live(console, plan) as live:
        results = run_all(
            plan, root=root, at_once=jobs, on_progress=live.progress, on_done=live.done
        )
    write_reports(root)
    return results
