"""How operations and ledger lines are joined into stories."""

from stallproof.checkers.stories import Attempt, Story, read_ledger, read_stories
from stallproof.events import Op, Task


def line(t: float, event: str, *, attempt: int = 1) -> Task:
    outcome = "ok" if event == "end" else None
    return Task(t=t, event=event, story_id="s", attempt=attempt, outcome=outcome)  # type: ignore[arg-type]  # a parameter


def only(*ops: Op, tasks: tuple[Task, ...] = ()) -> Story:
    (story,) = read_stories(ops, read_ledger(tasks))
    return story


def test_an_end_belongs_to_the_start_before_it() -> None:
    tale = read_ledger([line(1, "start"), line(2, "end"), line(3, "start"), line(5, "end")])["s"]
    assert tale.attempts == [Attempt(start_t=1, end_t=2), Attempt(start_t=3, end_t=5)]
    assert tale.ok_ts == [2, 5]


def test_a_start_overtaken_by_the_next_has_no_end() -> None:
    tale = read_ledger([line(1, "start"), line(3, "start"), line(5, "end")])["s"]
    assert tale.attempts == [Attempt(start_t=1, end_t=None), Attempt(start_t=3, end_t=5)]


def test_attempts_are_told_apart_and_ordered_by_their_start() -> None:
    tale = read_ledger(
        [line(3, "start"), line(4, "start", attempt=2), line(5, "end", attempt=2), line(6, "end")]
    )["s"]
    assert tale.attempts == [Attempt(start_t=3, end_t=6), Attempt(start_t=4, end_t=5)]


def test_an_end_without_a_start_still_counts_as_an_execution() -> None:
    tale = read_ledger([line(1, "end"), line(2, "start")])["s"]
    assert tale.attempts == [Attempt(start_t=2, end_t=None)]
    assert tale.ok_ts == [1]


def test_done_is_when_the_first_of_ledger_and_client_says_so() -> None:
    submitted = Op(t=1, f="submit", type="ok", story=0, story_id="s")
    awaited = Op(t=9, f="await", type="ok", story=0, story_id="s")
    assert only(submitted, awaited, tasks=(line(2, "start"), line(5, "end"))).done_t == 5
    assert only(submitted, awaited, tasks=(line(2, "start"), line(11, "end"))).done_t == 9


def test_how_long_a_post_took_without_its_own_word_for_it() -> None:
    invoked = Op(t=1, f="submit", type="invoke", story=0)
    assert only(invoked, Op(t=4, f="submit", type="ok", story=0)).post_s == 3
    assert only(invoked, Op(t=4, f="submit", type="ok", story=0, latency_s=2.5)).post_s == 2.5
    assert only(invoked).post_s is None


def test_a_post_whose_begin_is_missing_began_as_long_before_as_it_took() -> None:
    assert only(Op(t=4, f="submit", type="ok", story=0, latency_s=3.0)).invoked_t == 1
    assert only(Op(t=4, f="submit", type="ok", story=0)).invoked_t == 4
