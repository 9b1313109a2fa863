"""What reaches the log file and the history, and what must not."""

from __future__ import annotations

import io
from pathlib import Path

from stallproof.events import Log
from stallproof.history import History, Recorder
from stallproof.sites.logs import LINE_BYTES, MAX_EVENTS, ServiceLog
from stallproof.sites.redact import redactor

PASSWORD = "0123456789abcdef"


def take(tmp_path: Path, text: bytes) -> tuple[list[str], list[Log]]:
    """The lines of the log file and the events, for what a service said."""
    recorder = Recorder(tmp_path / "history.jsonl")
    log = ServiceLog(
        tmp_path,
        service="worker",
        recorder=recorder,
        redact=redactor([PASSWORD]),
        watched=True,
    )
    log.drain(io.BytesIO(text))
    log.close()
    recorder.close()
    lines = (tmp_path / "worker.log").read_text().splitlines()
    return lines, list(History.read(tmp_path / "history.jsonl").of(Log))


def test_urls_lose_their_credentials_and_keep_the_rest() -> None:
    redact = redactor([PASSWORD])
    assert redact(f"to redis://:{PASSWORD}@h:1/0 or {PASSWORD}!") == "to redis://***@h:1/0 or ***!"
    assert redact("postgres://user:else@h/db") == "postgres://***@h/db"
    assert redact("http://h/path me@example.org") == "http://h/path me@example.org"


def test_a_line_is_redacted_in_file_and_history(tmp_path: Path) -> None:
    lines, events = take(tmp_path, f"ERROR: no redis://:{PASSWORD}@h:1/0\n".encode())
    assert [event.line for event in events] == ["ERROR: no redis://***@h:1/0"]
    assert lines[0].endswith(" ERROR: no redis://***@h:1/0")


def test_a_password_cut_by_the_line_limit_does_not_show(tmp_path: Path) -> None:
    for seen in range(1, len(PASSWORD)):
        filler = b"x" * (LINE_BYTES - seen)
        folder = tmp_path / str(seen)
        folder.mkdir()
        lines, _ = take(folder, filler + PASSWORD.encode() + b"\nnext\n")
        assert PASSWORD[0] not in lines[0][13:]
        assert lines[0].endswith(" [cut]")
        assert lines[1].endswith(" next")


def test_a_line_of_just_the_limit_is_whole(tmp_path: Path) -> None:
    lines, _ = take(tmp_path, b"x" * (LINE_BYTES - 1) + b"\nnext\n")
    assert [line[13:] for line in lines] == ["x" * (LINE_BYTES - 1), "next"]


def test_a_log_storm_is_capped_and_says_so(tmp_path: Path) -> None:
    lines, events = take(tmp_path, b"ERROR: again\n" * (MAX_EVENTS + 100))
    assert len(events) == MAX_EVENTS + 1
    assert events[-1].line == f"site: {MAX_EVENTS} lines kept, later ones only in the log file"
    assert len(lines) == MAX_EVENTS + 100 + 1
