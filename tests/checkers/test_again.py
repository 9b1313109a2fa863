"""Why a story was delivered again: each reason, and what else it might have been."""

from __future__ import annotations

import pytest
from histories import EMPTIED, LOAD_T, RESTART, VISIBILITY_S, Run, scenario

from stallproof.checkers.again import Reason, again_of
from stallproof.checkers.facts import Facts
from stallproof.events import Task
from stallproof.model import Step


def reasons(run: Run, *steps: Step) -> list[tuple[Reason, bool]]:
    """Of every delivery after the first, with whether it was refused."""
    return [(one.reason, one.refused) for one in again_of(Facts(run.history(), scenario(*steps)))]


def done() -> Run:
    """A story that is received, started and done."""
    return Run().story(0, at=2, start=3, end=4).message("received", 0, at=2.75)


def test_delivered_once_is_not_again() -> None:
    assert reasons(done()) == []


def test_another_message_of_the_story_is_the_outboxs() -> None:
    run = done().message("published", 0, at=6, task="two", service="worker")
    assert reasons(run.skip(0, at=7, task="two")) == [(Reason.REPUBLISHED, True)]
    assert reasons(run.execution(0, attempt=2, start=8, task="three")) == [
        (Reason.REPUBLISHED, True),
        (Reason.REPUBLISHED, False),
    ]


@pytest.mark.parametrize(
    ("after_s", "reason"),
    [(VISIBILITY_S, Reason.TIMEOUT), (VISIBILITY_S - 1, Reason.PUT_BACK)],
)
def test_the_same_message_put_back_is_the_timeouts_only_after_it(
    after_s: float, reason: Reason
) -> None:
    run = Run(until=4000).story(0, at=2, start=3).message("received", 0, at=2.75)
    run.message("received", 0, at=2.75 + after_s, redelivered=True)
    run.execution(0, attempt=2, start=3 + after_s)
    assert reasons(run) == [(reason, False)]


def test_the_same_message_that_nobody_put_back_was_sent_twice() -> None:
    run = done().message("received", 0, at=5)
    assert reasons(run.skip(0, at=6)) == [(Reason.SENT_TWICE, True)]


def test_a_broker_that_lost_its_last_writes_gives_out_again_what_was_taken() -> None:
    run = done().fault(0, begin=4, end=8).message("received", 0, at=9).skip(0, at=10)
    assert reasons(run, EMPTIED) == [(Reason.FORGOTTEN, True)]
    assert reasons(run, RESTART) == [(Reason.SENT_TWICE, True)]
    earlier = done().fault(0, begin=14, end=18).message("received", 0, at=9).skip(0, at=10)
    assert reasons(earlier, EMPTIED) == [(Reason.SENT_TWICE, True)]


def test_without_a_record_of_the_message_nothing_is_claimed() -> None:
    assert reasons(done().skip(0, at=6)) == [(Reason.UNEXPLAINED, True)]
    nameless = Task(t=LOAD_T + 6, event="skip", story_id="s0", attempt=2)
    assert reasons(done().add(nameless)) == [(Reason.UNEXPLAINED, True)]


def test_the_warmups_do_not_count() -> None:
    twice = [Task(t=50.0 + i, event="skip", story_id="warm", attempt=2) for i in range(2)]
    assert reasons(done().add(*twice)) == []


def test_the_finding_counts_them() -> None:
    run = done().skip(0, at=7, task="two").skip(0, at=8)
    found = run.judge()["duplicated"]
    assert (found.numbers["republished"], found.numbers["unexplained"]) == (1, 1)
    assert found.text.endswith("delivered again: 1 published again by the outbox, 1 not explained.")
