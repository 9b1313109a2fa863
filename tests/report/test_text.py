import io
from pathlib import Path

import pytest
from rich.console import Console
from tests.report import samples

from stallproof.model import Verdict
from stallproof.records import Results
from stallproof.report import words
from stallproof.report.markdown import safe
from stallproof.report.table import summary
from stallproof.report.words import redact, seconds


def shown(results: Results, *, width: int = 100) -> str:
    output = io.StringIO()
    Console(file=output, width=width).print(summary(results))
    return output.getvalue()


def test_the_terminal_says_how_often_why_and_what_next(results: Results) -> None:
    text = shown(results)
    lines = {tuple(line.split()[:2]): line.split() for line in text.splitlines() if line.strip()}
    bad = " ".join(lines["broker-restart", "guide-int-keys"][2:])
    assert bad == "0 of 1 never 0 2 ✗ invalid"
    fine = " ".join(lines["idle-reset-worker", "hardened"][2:])
    assert fine == "10 of 10 1.2 s 0 0 ✓ valid"
    assert "did not bite: PING took 0.2 ms" in text
    assert f"Next: {samples.OUTBOX}" in text


@pytest.mark.parametrize("name", ["report.md", "summary.md", "junit.xml", "terminal"])
def test_a_stall_is_told_with_the_line_it_waits_in(
    folder: Path, results: Results, name: str
) -> None:
    text = shown(results) if name == "terminal" else (folder / name).read_text()
    told = words.evidence(next(r for r in results.results if r.profile == "guide-int-keys"))
    assert len(told) == 2
    sentence = told[0] if name in ("junit.xml", "terminal") else safe(told[0])
    assert " ".join(sentence.split()) in " ".join(text.split())
    assert "17.50 s into the load, while work waited, the worker (main process" in told[0]


def test_the_terminal_takes_no_markup_from_a_finding(tmp_path: Path) -> None:
    bad = samples.finding("boot", Verdict.INVALID, "exited [red]with[/] code [1]")
    group = [(samples.record(samples.RESTART, "p", (bad,)), samples.recovers())]
    text = shown(samples.write(tmp_path, group))
    assert "Exited [red]with[/] code [1]" in text
    assert "Next: stallproof run broker-restart --profile p" in text


def test_when_all_is_well_only_the_counts_follow(tmp_path: Path) -> None:
    group = [(samples.record(samples.RESTART, "p", samples.GOOD), samples.recovers())]
    _, _, empty, counts, *rest = shown(samples.write(tmp_path, group)).strip().splitlines()
    assert not empty.strip()
    assert counts.startswith("p: 0 of 0 accepted stories lost")
    assert "Next" not in "".join(rest)


def test_the_terminal_fits_eighty_columns(results: Results) -> None:
    assert max(map(len, shown(results, width=80).splitlines())) <= 80


def test_markdown_has_the_verdicts_the_findings_and_the_advice(folder: Path) -> None:
    text = (folder / "report.md").read_text()
    assert "**3 invalid, 1 unknown and 2 valid**" in text
    assert "| broker-restart | ✓ holds, 1 of 1 valid | ✗ does not hold, 0 of 1 valid |" in text
    for finding in (*samples.STALLED, *samples.UNSEEN):
        assert (safe(finding.text) in text) == (finding.verdict is not Verdict.VALID)
    assert safe(samples.MINGLE) in text
    assert "<script" not in text


def test_a_markdown_table_keeps_its_columns(folder: Path) -> None:
    rows = [line for line in (folder / "report.md").read_text().splitlines() if line[:1] == "|"]
    assert len({row.count("|") for row in rows}) == 1


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("redis://:pw@h:1/0", "redis://:***@h:1/0"),
        ("rediss://user:p%40w@h", "rediss://user:***@h"),
        ("http://h:80/a@b", "http://h:80/a@b"),
        ("redis://h:6379", "redis://h:6379"),
    ],
)
def test_redact(text: str, expected: str) -> None:
    assert redact(text) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, "-"),
        (0, "0.0 s"),
        (0.24, "0.24 s"),
        (3.21, "3.2 s"),
        (101.2, "101 s"),
        (3660, "61 min"),
    ],
)
def test_seconds(value: float | None, expected: str) -> None:
    assert seconds(value) == expected
