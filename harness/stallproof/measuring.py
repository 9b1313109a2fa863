"""The commands that write documents: `calibrate`, `keepalive`, `clock` and `sites`."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.console import Console

from stallproof import calibration
from stallproof import keepalive as judged_keepalive
from stallproof.engine import run_all
from stallproof.exits import Exit
from stallproof.live import Live
from stallproof.options import SiteName
from stallproof.plan import choose_result_folder, make_result_folder
from stallproof.report import write_reports
from stallproof.results import harness_failed
from stallproof.sites.choice import LOCAL, SITES
from stallproof.tables import clock_table
from stallproof.wish import PlanError


def calibrate(
    names: Annotated[
        list[str] | None, typer.Argument(help="Rows of the table; all if none is given.")
    ] = None,
    *,
    trials: Annotated[int, typer.Option(min=1, max=100, help="Trials of each row.")] = 5,
    jobs: Annotated[int, typer.Option(min=1, max=16, help="Rows at once.")] = 2,
    site: SiteName = LOCAL,
    out: Annotated[Path | None, typer.Option(help="Write the table to this file.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON array on stdout.")] = False,
) -> None:
    """Show on the wire what each fault does to a bare client, and how late it comes."""
    rows = calibration.rows_called(names or [])
    if site not in SITES:
        raise PlanError(f"--site {site}: there are {', '.join(SITES)}")
    console = Console(stderr=as_json)
    with console.status(f"{len(rows)} rows, {trials} trials each"):
        measured = calibration.measure(rows, trials=trials, at_once=jobs, site=site)
    elsewhere = "" if site == LOCAL else f" --site {site}"
    command = f"stallproof calibrate --trials {trials}{elsewhere}"
    text = calibration.markdown(measured, command=command)
    if out is not None:
        _write(out, text)
    if as_json:
        sys.stdout.write(json.dumps(msgspec.to_builtins(measured), indent=2) + "\n")
    elif out is None:
        sys.stdout.write(text)
    for problem in calibration.problems(measured):
        console.print(problem, soft_wrap=True, markup=False)
    raise typer.Exit(calibration.exit_code(measured))


def keepalive(
    *,
    repeat: Annotated[int, typer.Option(min=1, max=100, help="Runs of each line.")] = 3,
    jobs: Annotated[int, typer.Option(min=1, max=64, help="Runs at once.")] = 4,
    out: Annotated[Path | None, typer.Option(help="A new folder for the result.")] = None,
    document: Annotated[Path | None, typer.Option(help="Write the table to this file.")] = None,
) -> None:
    """Judge keepalive: the first publish after an idle expiry, one setting at a time."""
    console = Console()
    root = choose_result_folder(out)
    plan = judged_keepalive.jobs(repeat=repeat, root=root)
    root = make_result_folder(root)
    with Live(console, plan) as live:
        results = run_all(
            plan, root=root, at_once=jobs, on_progress=live.progress, on_done=live.done
        )
    write_reports(root)
    text = judged_keepalive.markdown(results, command=f"stallproof keepalive --repeat {repeat}")
    if document is None:
        sys.stdout.write(text)
    else:
        _write(document, text)
    raise typer.Exit(Exit.HARNESS if harness_failed(results) else Exit.VALID)


def clock(
    *,
    out: Annotated[Path | None, typer.Option(help="Write the table to this file.")] = None,
) -> None:
    """Ask every way of waiting at speeds 1, 10 and 60: what each saw. About half a minute."""
    from stallproof.clock import table  # noqa: PLC0415 (imports the parts that wait)

    console = Console()
    with console.status("Waiting in every way there is"):
        found = table.measure()
    console.print(clock_table(found))
    if out is not None:
        _write(out, table.markdown(found))
    raise typer.Exit(Exit.VALID if all(seen.right for seen in found) else Exit.VIOLATED)


def sites() -> None:
    """Say what each site can do, in Markdown: docs/SITES.md."""
    from stallproof.sitetable import page  # noqa: PLC0415 (0.2 s: asks testcontainers)

    sys.stdout.write(page())


def _write(out: Path, text: str) -> None:
    try:
        out.write_text(text, encoding="utf-8")
    except OSError as error:
        raise PlanError(f"{out}: cannot be written: {error.strerror}") from None
