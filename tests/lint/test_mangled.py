"""What cannot be parsed is one line with its place; nothing is ever raised."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stallproof.lint.run import lint

from .asked import DATA, folder, refused, report_on

MANGLED = {
    "yaml": ("cloudbuild.yaml", "steps:\n- name: 'x\n", 3, "not YAML: "),
    "yaml tab": ("cloudbuild.yaml", "steps:\n\t- x\n", 2, "not YAML: "),
    "yaml control": ("cloudbuild.yaml", "steps:\n- \x01\n", 2, "not YAML: "),
    "yaml deep": ("cloudbuild.yaml", "[" * 5000, 1, "not YAML"),
    "no build": ("cloudbuild.yaml", "a: 1\n", 1, "no Cloud Build file: "),
    "python": ("app.py", "x = 1\ndef f(:\n", 2, "not Python: "),
    "python null": ("app.py", "x = '\0'\n", 1, "not Python"),
    "python deep": ("app.py", "-" * 100_000 + "1", 1, "not Python"),
    "dockerfile": ("Dockerfile", "FROM x\nRUNN y\n", 2, "unknown instruction 'RUNN'"),
    "no FROM": ("Dockerfile", "RUN y\n", 1, "no Dockerfile: it has no FROM"),
    "empty": ("Dockerfile", "# nothing\n", 1, "no Dockerfile: it has no instruction"),
    "heredoc": ("Dockerfile", "FROM x\nRUN <<EOF\nls\n", 2, "the heredoc EOF is never closed"),
    "shell": ("x.sh", "ls\necho 'a\nb\n", 2, "a quote (') is opened and never closed"),
    "requirements": ("requirements.txt", "redis\ncelery=5\n", 2, "no requirement: 'celery=5'"),
    "markdown": ("guide.md", "# x\n\n```python\nok = 1\ndef f(:\n```\n", 5, "not Python: "),
}


@pytest.mark.parametrize("case", MANGLED)
def test_it_is_one_line_with_its_place(case: str) -> None:
    name, text, line, says = MANGLED[case]
    unreadable = refused(name, text)
    assert str(unreadable).startswith(f"{name}:{line}: {says}"), unreadable
    assert "\n" not in str(unreadable)


def test_the_other_files_are_judged_all_the_same(tmp_path: Path) -> None:
    (tmp_path / "broken.py").write_text("def f(:")
    report = lint([tmp_path / "broken.py", tmp_path / "nowhere.py", DATA / "guide"])
    assert len(report.findings) == 28
    assert [each.what for each in report.unreadable] == [
        "No such file or directory",
        "not Python: invalid syntax",
    ]


def test_a_file_of_another_kind_is_refused_by_name_and_passed_over_in_a_folder(
    tmp_path: Path,
) -> None:
    (tmp_path / "notes.txt").write_text("x")
    (tmp_path / "latin.py").write_bytes(b"# ok\n# \xe9\n")
    report = lint([tmp_path / "notes.txt", tmp_path])
    assert [str(each).removeprefix(f"{tmp_path}/") for each in report.unreadable] == [
        f"notes.txt: of no kind that can be judged: {KINDS}",
        "latin.py:2: not UTF-8 text",
    ]


KINDS = "Markdown, Cloud Build YAML, Dockerfile, Python, shell, requirements"
NAMES = ["cloudbuild.yaml", "app.py", "Dockerfile", "x.sh", "requirements.txt", "guide.md"]
SEEDS = [*folder("guide").values(), *folder("corrected").values()]
PIECES = [line for text in SEEDS for line in text.split("\n")]
SPLICED = st.lists(st.one_of(st.sampled_from(PIECES), st.text(max_size=20)), max_size=30)
TEXTS = st.one_of(
    st.text(),
    st.text(alphabet="\\'\"`$(){}[]<>|&;#\n\t :-=EOFRUNCMDa*!%@,"),
    SPLICED.map("\n".join),
)


@pytest.mark.parametrize("name", NAMES)
def test_no_text_makes_it_raise(name: str) -> None:
    @settings(max_examples=150, deadline=None)
    @given(TEXTS)
    def never_raises(text: str) -> None:
        report = report_on({name: text})
        for finding in report.findings:
            assert 1 <= finding.line <= text.count("\n") + 1
        for unreadable in report.unreadable:
            assert "\n" not in str(unreadable)

    never_raises()


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(["python", "yaml", "dockerfile", "bash", "console"]), TEXTS)
def test_no_block_of_a_guide_makes_it_raise(language: str, text: str) -> None:
    report_on({"guide.md": f"# x\n\n```{language}\n{text}\n```\n"})
