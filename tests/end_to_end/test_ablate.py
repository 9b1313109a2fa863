"""`stallproof ablate`, from the command to the document, on a scenario that breaks nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from stallproof.exits import Exit

from .command import RUN_DEADLINE_S, stallproof, write_scenario

pytestmark = pytest.mark.real


def test_a_knob_is_tried_on_both_sides_and_the_document_says_what_came_of_it(
    desk: Path, tmp_path: Path
) -> None:
    write_scenario(
        tmp_path / "scenarios",
        "result_backend_cut",  # the name that the knob claims; here nothing is cut
        imports="Workload",
        arguments="workload=Workload(rate_per_s=2, for_s=1)",
    )
    out = tmp_path / "out"

    done = stallproof(
        *["ablate", "--only", "task_ignore_result", "--scenario", "result-backend-cut"],
        *["--repeat", "2", "--scenarios", str(tmp_path / "scenarios")],
        *["--out", str(out), "--document", "KNOBS.md"],
        cwd=desk,
        timeout_s=4 * RUN_DEADLINE_S,  # eight runs, and four questions to the system before them
    )

    assert done.code == Exit.VALID, done.out + done.err
    text = (desk / "KNOBS.md").read_text()
    assert "| hardened | 2 of 2 valid" in text
    assert "| celery-defaults | 2 of 2 valid" in text
    again = stallproof("report", str(out), cwd=desk)
    assert again.code == Exit.VALID, again.out + again.err
    assert len(list(out.glob("runs/*/history.jsonl"))) == 8
