"""The file between Locust's processes and the run: whole lines only, in order."""

from pathlib import Path

from stallproof.load.lines import AnyLine, LineReader, LineWriter, NotSent, Ready, Sent

LINES: list[AnyLine] = [
    Ready(7),
    Sent(f="submit", type="invoke", story=0, monotonic_s=1.5, late_s=0.01),
    Sent(f="submit", type="ok", story=0, monotonic_s=1.6, story_id="a", latency_s=0.1),
    NotSent(story=1, monotonic_s=2.0),
]


def test_what_several_write_one_reads(tmp_path: Path) -> None:
    path = tmp_path / "lines"
    writers = [LineWriter(path), LineWriter(path)]
    reader = LineReader(path)
    for i, line in enumerate(LINES):
        writers[i % 2].write(line)
    assert reader.read() == LINES
    assert reader.read() == []


def test_a_line_not_yet_whole_waits_for_its_end(tmp_path: Path) -> None:
    path = tmp_path / "lines"
    reader = LineReader(path)
    assert reader.read() == []
    LineWriter(path).write(LINES[1])
    whole = path.read_bytes()
    path.write_bytes(whole[:20])
    assert reader.read() == []
    path.write_bytes(whole)
    assert reader.read() == [LINES[1]]


def test_without_a_path_nothing_is_kept(tmp_path: Path) -> None:
    LineWriter(None).write(LINES[0])
    assert list(tmp_path.iterdir()) == []
