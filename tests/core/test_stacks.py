"""Stacks: how they are written, and that one is really made."""

from pathlib import Path

import pytest

from stallproof import interface, stacks
from stallproof.stacks import Environment, Stack, StackError, prepare


def test_locked_pins_nothing() -> None:
    assert Stack.parse("locked").pins == ()
    assert Stack.parse("locked").name == "locked"


@pytest.mark.parametrize("text", ["celery", "celery>=5", "celery==", "celery==5.3.6 kombu==5", ""])
def test_what_is_not_an_exact_version_is_refused(text: str) -> None:
    with pytest.raises(StackError, match="name==version"):
        Stack.parse(text)


def test_a_python_that_says_nothing_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mute = tmp_path / "python"
    mute.write_text("#!/bin/sh\nexec sleep 60\n")
    mute.chmod(0o755)
    monkeypatch.setattr(stacks, "ANSWER_DEADLINE_S", 0.2)
    monkeypatch.setattr(interface, "ANSWER_DEADLINE_S", 0.2)
    monkeypatch.setattr(stacks.sys, "executable", str(mute))
    with pytest.raises(StackError, match=r"does not run the stack: waited 0\.2 s for its versions"):
        prepare(Stack(), cache=tmp_path)
    with pytest.raises(
        interface.InterfaceError, match=r"did not answer 'profiles': waited 0\.2 s for its answer"
    ):
        interface.profiles(Environment(python=str(mute), versions={}))


@pytest.mark.real
def test_a_stack_has_exactly_the_versions_asked_for(tmp_path: Path) -> None:
    stack = Stack.parse("celery==5.3.6,kombu==5.3.7,redis==5.0.8")
    environment = prepare(stack, cache=tmp_path)
    versions = environment.versions
    assert (versions["celery"], versions["kombu"], versions["redis"]) == ("5.3.6", "5.3.7", "5.0.8")
    made = Path(environment.python).stat().st_mtime_ns
    assert prepare(stack, cache=tmp_path) == environment
    assert Path(environment.python).stat().st_mtime_ns == made


@pytest.mark.real
def test_a_version_that_does_not_exist_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(StackError, match=r"uv pip failed.*0\.0\.77") as refused:
        prepare(Stack.parse("celery==0.0.77"), cache=tmp_path)
    assert "\n" not in str(refused.value)
