"""`lost` and `unfinished`: where stories end up."""

import pytest
from histories import LOAD_T, Run, holding, scenario

from stallproof.checkers import judge
from stallproof.events import Held, Op, Task
from stallproof.messages import Holdings, Unacked, Waiting
from stallproof.model import Verdict


def one_undone(*, start: float | None = None) -> Run:
    """Twenty stories done, and one accepted of which nothing is heard again."""
    return Run().steady(1, 21).story(0, at=2, start=start)


def test_all_done() -> None:
    findings = Run().steady(1, 21).judge()
    assert findings["lost"].verdict is Verdict.VALID
    assert findings["lost"].numbers["accepted"] == 20
    assert findings["unfinished"].verdict is Verdict.VALID


def test_a_story_that_is_nowhere_is_lost() -> None:
    findings = one_undone().judge()
    assert findings["lost"].verdict is Verdict.INVALID
    assert findings["lost"].numbers["lost"] == 1
    assert findings["unfinished"].verdict is Verdict.INVALID
    assert findings["unfinished"].numbers["nowhere"] == 1


def test_what_only_the_client_saw_done_is_done() -> None:
    assert one_undone().awaited(0, at=30).judge()["unfinished"].verdict is Verdict.VALID


def test_the_limit_itself_is_still_within() -> None:
    run = one_undone().story(1, at=3)
    assert run.judge(lost=2)["lost"].verdict is Verdict.VALID
    assert run.judge(lost=1)["lost"].verdict is Verdict.INVALID


@pytest.mark.parametrize(("waiting", "unacked"), [([0], {}), ([], {0: 3})])
def test_a_message_that_the_broker_holds_is_not_lost_but_unfinished(
    waiting: list[int], unacked: dict[int, float]
) -> None:
    findings = one_undone().held(waiting=waiting, unacked=unacked).judge()
    assert findings["lost"].verdict is Verdict.VALID
    numbers = findings["unfinished"].numbers
    assert (numbers["waiting"], numbers["unacked"]) == (len(waiting), len(unacked))
    assert findings["unfinished"].verdict is Verdict.INVALID
    assert numbers["nowhere"] == 0


def test_a_story_in_work_whose_message_is_held_is_not_lost_whatever_comes_of_it() -> None:
    run = one_undone(start=39.5).held(unacked={0: 39.25})
    assert run.judge()["lost"].verdict is Verdict.VALID
    assert run.judge()["unfinished"].numbers["in_work"] == 1


def test_a_message_of_another_story_saves_nobody() -> None:
    findings = one_undone().held(waiting=[1005], unacked={1006: 7}).judge()
    assert findings["lost"].verdict is Verdict.INVALID
    assert findings["lost"].numbers["waiting"] == 0


def test_what_was_on_its_way_at_the_last_reading_stands_in_the_one_before() -> None:
    run = one_undone()
    run.readings = [holding([0], {}), holding([], {})]
    assert run.judge()["lost"].verdict is Verdict.VALID
    run.readings = [holding([], {}), holding([], {0: 39})]
    assert run.judge()["lost"].numbers["unacked"] == 1


UNREAD = (
    Holdings(unseen="ConnectionError: refused"),
    Holdings(not_read=1),
    Holdings(waiting=(Waiting(queue="celery"),)),
    Holdings(unacked=(Unacked(),)),
)


@pytest.mark.parametrize("unread", UNREAD)
def test_a_broker_that_cannot_be_read_leaves_it_open(unread: Holdings) -> None:
    run = one_undone()
    run.readings = [Holdings(), unread]
    findings = run.judge()
    assert findings["lost"].verdict is Verdict.UNKNOWN
    assert findings["lost"].numbers["lost"] is None
    assert findings["unfinished"].verdict is Verdict.INVALID
    assert findings["unfinished"].numbers["unknown"] == 1


@pytest.mark.parametrize("unread", UNREAD)
def test_a_story_that_is_seen_is_not_in_doubt_whatever_else_cannot_be_read(
    unread: Holdings,
) -> None:
    run = one_undone()
    run.readings = [holding([0], {}), unread]
    assert run.judge()["lost"].verdict is Verdict.VALID


@pytest.mark.parametrize("unread", UNREAD)
def test_what_cannot_be_read_does_not_matter_when_all_is_done(unread: Holdings) -> None:
    run = Run().steady(1, 21)
    run.readings = [unread, unread]
    assert run.judge()["lost"].verdict is Verdict.VALID


def test_a_history_that_was_cut_short_has_no_reading() -> None:
    run = one_undone()
    history = run.history()
    history.events = [event for event in history.events if not isinstance(event, Held)]
    found = {finding.checker: finding for finding in judge(history, scenario())}
    assert found["lost"].verdict is Verdict.UNKNOWN


def test_a_story_in_work_at_the_very_end_may_be_lost_or_not() -> None:
    findings = one_undone(start=39.5).judge()
    assert findings["lost"].verdict is Verdict.UNKNOWN
    assert findings["unfinished"].verdict is Verdict.INVALID


def test_a_story_in_work_for_far_longer_than_it_takes_is_not_in_work() -> None:
    # task_s 0.25 and stall_s 10: until 10.25 s after its start it may be
    assert one_undone(start=29.75).judge()["lost"].verdict is Verdict.UNKNOWN
    assert one_undone(start=29.625).judge()["lost"].verdict is Verdict.INVALID


def test_a_story_whose_worker_died_is_not_in_work() -> None:
    run = one_undone(start=39.5).instance("worker", "exit", at=39.75)
    assert run.judge()["lost"].verdict is Verdict.INVALID
    api = one_undone(start=39.5).instance("api", "exit", at=39.75)
    assert api.judge()["lost"].verdict is Verdict.UNKNOWN


def test_a_story_that_failed_is_unfinished_but_not_lost() -> None:
    run = Run().steady(1, 21).story(0, at=2, start=3, end=4, outcome="error")
    findings = run.judge()
    assert findings["lost"].verdict is Verdict.VALID
    assert findings["unfinished"].verdict is Verdict.INVALID
    assert findings["unfinished"].numbers["failed"] == 1


def test_a_story_that_the_api_calls_failed_is_not_lost_either() -> None:
    run = one_undone()
    run.add(Op(t=LOAD_T + 5, f="await", type="fail", story=0, story_id="s0"))
    findings = run.judge()
    assert findings["lost"].verdict is Verdict.VALID
    assert findings["unfinished"].numbers["failed"] == 1


def test_a_story_that_failed_and_was_started_again_did_not_fail() -> None:
    run = Run().steady(1, 21).story(0, at=2, start=3, end=4, outcome="error")
    run.execution(0, attempt=2, start=5)
    assert run.judge()["lost"].verdict is Verdict.INVALID


def test_posts_without_a_known_outcome_are_told_apart() -> None:
    found = Run().steady(1, 21).story(0, at=2, answer="info").judge()["lost"]
    assert found.verdict is Verdict.VALID
    assert found.numbers["unknown_accepted"] == 1
    assert found.numbers["accepted"] == 20


@pytest.mark.parametrize("answer", ["fail", "info", None])
def test_nothing_accepted_says_nothing(answer: str | None) -> None:
    findings = Run().story(0, at=2, answer=answer).judge()  # type: ignore[arg-type]  # a parameter
    assert findings["lost"].verdict is Verdict.UNKNOWN
    assert findings["unfinished"].verdict is Verdict.UNKNOWN


def test_what_happens_after_the_end_is_teardown() -> None:
    late = Task(t=1000.0, event="end", story_id="s0", attempt=1, outcome="ok")
    assert one_undone().add(late).judge()["lost"].verdict is Verdict.INVALID
