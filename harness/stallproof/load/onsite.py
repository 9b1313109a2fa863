"""Load on a system booted here: one run as any other, and the search for its ceiling."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import msgspec
from rich.console import Console

from stallproof.engine import run_all
from stallproof.exits import Exit, exit_for
from stallproof.history import History
from stallproof.job import Job
from stallproof.live import Live
from stallproof.load.bounds import Cost, cost_of, cost_text
from stallproof.load.ceiling import Trial, answer, find_ceiling, markdown, trial_of
from stallproof.load.command import HTML
from stallproof.plan import make_jobs, make_result_folder
from stallproof.records import Results
from stallproof.report import write_reports
from stallproof.report.table import summary
from stallproof.wish import Wish


def load_on_site(wish: Wish, *, root: Path) -> Exit:
    """One load, its reports, its exit code."""
    console = Console()
    with console.status("Looking for the parts"):
        plan = make_jobs(wish, root=root)
    root = make_result_folder(root)
    results = _run(console, plan, root)
    console.print(summary(results))
    if (cost := _cost(root / plan[0].dir)) is not None:
        console.print(cost_text(cost))
    console.print(f"Report: {root / 'report.html'}")
    console.print(f"Locust's own: {root / plan[0].dir / HTML}")
    return exit_for(results)


def search_on_site(wish_at: Callable[[float], Wish], *, first_per_s: float, root: Path) -> Exit:
    """One load after another until the ceiling is found; `ceiling.md` and `ceiling.json`.

    The exit code is that of the highest rate that held: 1 where none did.
    """
    console = Console()
    root = make_result_folder(root)

    def attempt(rate_per_s: float) -> Trial:
        folder = root / f"{rate_per_s:g}-per-s"
        plan = make_jobs(wish_at(rate_per_s), root=folder)
        run = _run(console, plan, make_result_folder(folder)).results[0].runs[0]
        trial = trial_of(rate_per_s, run, _cost(folder / plan[0].dir))
        console.print(f"{rate_per_s:g} stories a second: {trial.verdict}", *trial.broken)
        return trial

    ceiling = find_ceiling(attempt, first_per_s=first_per_s)
    (root / "ceiling.json").write_bytes(msgspec.json.format(msgspec.json.encode(ceiling)))
    (root / "ceiling.md").write_text(markdown(ceiling))
    console.print(answer(ceiling))
    console.print(f"All rates: {root / 'ceiling.md'}")
    return Exit.VIOLATED if ceiling.held is None else Exit.VALID


def _run(console: Console, plan: list[Job], root: Path) -> Results:
    with Live(console, plan) as live:
        results = run_all(plan, root=root, at_once=1, on_progress=live.progress, on_done=live.done)
    write_reports(root)
    return results


def _cost(folder: Path) -> Cost | None:
    history = folder / "history.jsonl"
    if not history.exists():
        return None
    return cost_of(History.read(history), machine=os.cpu_count() or 1)
