"""`duplicated`: executed to the end twice."""

from histories import Run

from stallproof.events import Task
from stallproof.model import Verdict


def twice(number: int = 0) -> Run:
    run = Run().steady(1, 10).story(number, at=2, start=3, end=4)
    return run.execution(number, attempt=2, start=5, end=6)


def test_once_each() -> None:
    found = Run().steady(1, 10).judge()["duplicated"]
    assert found.verdict is Verdict.VALID
    assert (found.numbers["executed"], found.numbers["executions"]) == (9, 9)


def test_a_story_executed_twice() -> None:
    found = twice().judge()["duplicated"]
    assert found.verdict is Verdict.INVALID
    assert (found.numbers["duplicated"], found.numbers["executions"]) == (1, 11)


def test_the_limit_itself_is_still_within() -> None:
    assert twice().judge(duplicated=1)["duplicated"].verdict is Verdict.VALID


def test_starting_again_is_no_harm_by_itself() -> None:
    run = Run().story(0, at=2, start=3).execution(0, attempt=2, start=5, end=6).skip(0, at=7)
    found = run.judge()["duplicated"]
    assert found.verdict is Verdict.VALID
    assert (found.numbers["restarted"], found.numbers["skipped"]) == (1, 1)


def test_ending_in_error_once_is_no_second_execution() -> None:
    run = Run().story(0, at=2, start=3, end=4, outcome="error")
    assert run.execution(0, attempt=2, start=5, end=6).judge()["duplicated"].verdict is (
        Verdict.VALID
    )


def test_the_warmup_does_not_count() -> None:
    again = Task(t=50.0, event="end", story_id="warm", attempt=2, outcome="ok")
    assert Run().steady(1, 10).add(again).judge()["duplicated"].verdict is Verdict.VALID


def test_a_story_whose_post_nobody_saw_accepted_counts() -> None:
    run = Run().story(0, at=2, answer="info", start=3, end=4)
    assert run.execution(0, attempt=2, start=5, end=6).judge()["duplicated"].verdict is (
        Verdict.INVALID
    )


def test_a_ledger_without_ends_says_nothing() -> None:
    run = Run().story(0, at=2).awaited(0, at=3)
    assert run.judge()["duplicated"].verdict is Verdict.UNKNOWN
