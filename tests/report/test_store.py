from pathlib import Path

import msgspec
import pytest
from tests.report import samples

from stallproof.model import Verdict
from stallproof.report import ReportError, load_results, write_reports

REPORTS = ("junit.xml", "report.html", "report.md", "summary.md")


def one_run(folder: Path) -> Path:
    samples.write_run(
        folder, samples.record(samples.RESTART, "p", samples.GOOD), samples.recovers()
    )
    return folder


def test_what_was_stored_is_what_is_loaded(tmp_path: Path) -> None:
    assert samples.everything(tmp_path) == load_results(tmp_path)


def test_a_single_run_is_a_result_of_one(tmp_path: Path) -> None:
    results = load_results(one_run(tmp_path / "run"))
    (result,) = results.results
    assert (result.n, result.valid, result.verdict) == (1, 1, Verdict.VALID)
    assert result.interval.low == 0
    assert 0.7 < result.interval.high < 0.9
    write_reports(tmp_path / "run")
    assert "<svg" in (tmp_path / "run" / "report.html").read_text()


def test_twice_from_the_same_folder_gives_the_same_bytes(tmp_path: Path) -> None:
    samples.everything(tmp_path)
    write_reports(tmp_path)
    first = {name: (tmp_path / name).read_bytes() for name in REPORTS}
    for name in REPORTS:
        (tmp_path / name).unlink()
    write_reports(tmp_path)
    assert first == {name: (tmp_path / name).read_bytes() for name in REPORTS}


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "no run.json there"),
        (b"", "not a stored result"),
        (b"[1]", "neither a result"),
        (b"{}", "neither a result"),
        (b'{"results": 3}', "results"),
        (b'{"scenario": {"name": 1}}', "scenario.name"),
        (b'{"results": "\xff"}', "not a stored result"),
    ],
)
def test_a_bad_folder_is_one_clear_line(tmp_path: Path, content: bytes | None, said: str) -> None:
    if content is not None:
        (tmp_path / "run.json").write_bytes(content)
    with pytest.raises(ReportError) as error:
        write_reports(tmp_path)
    assert said in str(error.value)
    assert str(tmp_path) in str(error.value)
    assert "\n" not in str(error.value)


def test_a_run_folder_that_leads_outside_is_refused(tmp_path: Path) -> None:
    results = samples.everything(tmp_path)
    run = msgspec.structs.replace(results.results[0].runs[0], dir="../elsewhere")
    result = msgspec.structs.replace(results.results[0], runs=(run,))
    text = msgspec.json.encode(msgspec.structs.replace(results, results=(result,)))
    (tmp_path / "run.json").write_bytes(text)
    with pytest.raises(ReportError, match="lies outside"):
        load_results(tmp_path)


@pytest.mark.parametrize("share", [0.0, 0.3, 0.99])
def test_a_truncated_history_still_reports(tmp_path: Path, share: float) -> None:
    history = one_run(tmp_path / "run") / "history.jsonl"
    kept = history.read_bytes()[: int(history.stat().st_size * share)]
    history.write_bytes(kept.rstrip(b"\n"))
    write_reports(tmp_path / "run")
    page = (tmp_path / "run" / "report.html").read_text()
    assert ("breaks off" in page) == (share > 0)
    assert ("history is empty" in page) == (share == 0)
    assert ("<figure" in page) == (share > 0)


def test_a_history_that_is_gone_or_garbage_is_said(tmp_path: Path) -> None:
    history = one_run(tmp_path / "run") / "history.jsonl"
    lines = history.read_bytes().splitlines(keepends=True)
    history.write_bytes(b"".join([*lines[:3], b"garbage\n", *lines[3:]]))
    write_reports(tmp_path / "run")
    page = (tmp_path / "run" / "report.html").read_text()
    assert "history.jsonl:4" in page
    history.unlink()
    write_reports(tmp_path / "run")
    assert "No history was stored" in (tmp_path / "run" / "report.html").read_text()


def test_no_password_gets_through(folder: Path) -> None:
    assert "hunter2" in (folder / "run.json").read_text()
    for name in REPORTS:
        assert "hunter2" not in (folder / name).read_text()
    assert "redis://:***@broker:6379/0" in (folder / "report.html").read_text()
