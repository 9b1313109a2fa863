"""The document, from results that were stored: what it says of whom."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
from tests.ablation.runs import finding, run

from stallproof import catalog
from stallproof.ablation.cells import Cell, Variant, cells_of, jobs_of, knobs_called, latest
from stallproof.ablation.document import markdown
from stallproof.model import Verdict
from stallproof.records import Results, RunRecord
from stallproof.results import summarize

NAME = "task_ignore_result"
HOLDS = run(finding("accept", slowest_s=0.2))
FAILS = run(finding("accept", Verdict.INVALID, slowest_s=9.0))


def named(record: RunRecord, variant: Variant, scenario: str) -> RunRecord:
    renamed = msgspec.structs.replace(record.scenario, name=variant.scenario_name(scenario))
    return msgspec.structs.replace(
        record, scenario=renamed, profile=variant.profile, stack=variant.stack
    )


def results(cells: tuple[Cell, ...], *, on: RunRecord, off: RunRecord) -> Results:
    records = [
        named(record, variant, cell.claim.scenario)
        for cell in cells
        for record, variant in ((on, cell.on), (off, cell.off))
        for _ in range(3)
    ]
    return summarize(records, run_dir="nowhere")


def text_of(*, on: RunRecord, off: RunRecord) -> str:
    found = results(cells_of(knobs_called([NAME])), on=on, off=off)
    return markdown(found, command="stallproof ablate --repeat 3")


def test_a_knob_that_decides_is_missed_when_it_is_taken_away() -> None:
    text = text_of(on=HOLDS, off=FAILS)

    assert "Written by `stallproof ablate --repeat 3`" in text
    assert "celery 5, kombu 6, redis 7" in text
    assert "n = 3 runs a side, 24 runs in 10 min" in text
    assert "| **decides**: result-backend-cut, silent-drop-idle-backend |" in text
    assert f"taken away: `{NAME}`." in text
    assert (
        "| hardened | 3 of 3 valid; slowest POST 0.20 s | "
        "0 of 3 valid (accept); slowest POST 9.0 s | **decides**: accept |"
    ) in text


def test_a_knob_that_changes_nothing_is_named_so() -> None:
    text = text_of(on=HOLDS, off=HOLDS)

    assert f"Nothing seen of it, so no reason to set it: `{NAME}`." in text
    assert "taken away: none." in text
    assert "| no difference seen |" in text


def test_what_cannot_be_tried_is_listed_with_its_reason() -> None:
    assert "- `timezone, enable_utc`: Celery's default is the same value" in text_of(
        on=HOLDS, off=HOLDS
    )


def test_every_side_is_run_once_in_a_folder_of_its_own_and_says_how_to_run_it_again(
    tmp_path: Path,
) -> None:
    jobs = jobs_of(cells_of(knobs_called([NAME])), catalog=catalog.load(), repeat=2, root=tmp_path)
    asked = {job.request.command for job in jobs}

    # Two scenarios, hardened with it and without, the defaults with it and without.
    assert len(jobs) == len({job.dir for job in jobs}) == 2 * 2 * 4
    assert (
        *("stallproof", "run", "result-backend-cut", "--profile", "hardened"),
        *(f"--unset={NAME}", "--repeat", "2"),
    ) in asked
    lone = next(job for job in jobs if f"--with-{NAME}--" in job.dir)
    assert json.loads(lone.request.spec.env["STORYMIMI_SET"]) == {NAME: True}


def test_knobs_share_the_side_on_which_nothing_is_switched() -> None:
    cells = cells_of(knobs_called([NAME, "task_track_started"]))
    sides = {side for cell in cells for side in (cell.on, cell.off)}

    # hardened as it is, without one, with the other; the guide with and without; the defaults as
    # they are, with one, with the other.
    assert len(sides) == 8


def test_a_scenario_that_was_run_again_has_none_of_its_former_runs() -> None:
    cells = cells_of(knobs_called([NAME]))
    cut = tuple(cell for cell in cells if cell.claim.scenario == "result-backend-cut")
    an_hour_on = msgspec.structs.replace(FAILS, started_at="2026-01-31T13:00:00+00:00")

    both = latest([results(cells, on=HOLDS, off=HOLDS), results(cut, on=HOLDS, off=an_hour_on)])

    verdicts = {result.scenario: result.verdict for result in both.results}
    assert verdicts[f"result-backend-cut--without-{NAME}"] is Verdict.INVALID
    assert verdicts[f"silent-drop-idle-backend--without-{NAME}"] is Verdict.VALID
    # Twelve of the other scenario, and twelve again: what ran side by side counts once.
    assert "n = 3 runs a side, 24 runs in 20 min" in markdown(both, command="c")
