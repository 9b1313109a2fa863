"""Running another program: its output, and one line where it fails."""

from pathlib import Path

import pytest

from stallproof.commands import CommandError, TookTooLongError, output_of


def sh(script: str, *, timeout_s: float = 30, stdin: str = "") -> str:
    argv = ["/bin/sh", "-c", script]
    return output_of(argv, awaited="its answer", timeout_s=timeout_s, stdin=stdin)


def test_its_output_is_what_comes_back_also_where_it_is_no_text() -> None:
    assert sh("echo one; echo two; echo aside >&2") == "one\ntwo\n"
    assert sh(r"printf 'a\377b'") == "a\ufffdb"


@pytest.mark.parametrize(
    ("script", "line"),
    [
        ("echo out; echo first >&2; echo ' the last ' >&2; echo >&2; exit 1", "the last"),
        ("echo only this; exit 3", "only this"),
        ("exit 3", "it exited with 3"),
        ("kill -9 $$", "it exited with -9"),
    ],
)
def test_the_last_line_of_one_that_fails_is_the_error(script: str, line: str) -> None:
    with pytest.raises(CommandError) as failed:
        sh(script)
    assert str(failed.value) == line


def test_all_that_it_said_is_kept_beside_its_last_line() -> None:
    with pytest.raises(CommandError) as failed:
        sh("echo why >&2; echo; echo hint >&2; exit 1")
    assert failed.value.said == ("why", "hint")


def test_one_that_takes_too_long_is_killed_and_its_words_are_told(tmp_path: Path) -> None:
    with pytest.raises(
        TookTooLongError,
        match=r"^waited 2 s for its answer; so far /bin/sh has said: nearly there$",
    ):
        sh(f"echo $$ > {tmp_path}/pid; echo nearly there >&2; exec sleep 60", timeout_s=2)
    pid = (tmp_path / "pid").read_text().strip()
    assert not Path(f"/proc/{pid}").exists()


def test_one_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    nothing = str(tmp_path / "nothing")
    with pytest.raises(CommandError, match=f"^{nothing} does not start: No such file"):
        output_of([nothing], awaited="its answer", timeout_s=1)


def test_it_reads_what_it_is_given_and_nothing_of_ours() -> None:
    assert sh("cat", stdin="given") == "given"
    assert sh("cat") == ""


def test_it_gets_the_environment_and_the_folder_that_are_named(tmp_path: Path) -> None:
    argv = ["/bin/sh", "-c", "echo $ONE ${HOME-none}; pwd"]
    said = output_of(argv, awaited="its answer", timeout_s=30, env={"ONE": "1"}, cwd=tmp_path)
    assert said == f"1 none\n{tmp_path}\n"
