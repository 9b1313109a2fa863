"""Where each story went: every cause, and what a near miss of it comes to."""

from __future__ import annotations

import pytest
from histories import EMPTIED, LOAD_T, RESTART, VISIBILITY_S, Run, held_at, holding, scenario

from stallproof.checkers.facts import Facts
from stallproof.events import MessagePhase, Op
from stallproof.fate import Cause, Fate
from stallproof.messages import Holdings
from stallproof.model import Scenario, Step
from stallproof.sites.base import Persistence


def fate(run: Run, *steps: Step, of: Scenario | None = None) -> Fate:
    """That of the only story that is not done."""
    (found,) = Facts(run.history(), of or scenario(*steps)).fates
    assert found.story == 0
    return found


def undone(*, start: float | None = None, published: bool = True) -> Run:
    return Run().steady(1, 21).story(0, at=2, start=start, published=published)


def emptied() -> Run:
    """The broker is gone at 4 s and back, empty, at 8."""
    return undone().fault(0, begin=4, end=8)


def test_of_what_is_done_there_is_nothing_to_say() -> None:
    facts = Facts(Run().steady(1, 21).history(), scenario())
    assert facts.fates == ()


def test_in_the_queue() -> None:
    found = fate(undone().held(waiting=[0]))
    assert (found.cause, found.accepted_s) == (Cause.QUEUED, 2.125)
    assert found.evidence == "in the queue celery at 40.00 s"


def test_in_unacked_and_when_it_comes_back() -> None:
    found = fate(undone(start=3).instance("worker", "exit", at=5).held(unacked={0: 2.5}))
    assert found.cause is Cause.UNACKED
    assert found.back_s == 2.5 + VISIBILITY_S
    assert found.evidence == (
        "started at 3.00 s; in unacked at 40.00 s, delivered at 2.50 s; the worker exited at 5.00 s"
    )


def test_in_unacked_and_in_the_hands_of_a_worker_that_lives() -> None:
    run = undone().instance("worker", "exit", at=2).held(unacked={0: 2.5})
    assert fate(run).evidence == (
        "no worker says that it received it; in unacked at 40.00 s, delivered at 2.50 s; "
        "the worker has not exited since"
    )
    found = fate(run.message("received", 0, at=2.625))
    assert found.cause is Cause.UNACKED
    assert found.evidence.startswith("received at 2.62 s and not started;")


def test_a_queue_comes_before_unacked() -> None:
    assert fate(undone().held(waiting=[0], unacked={0: 2.5})).cause is Cause.QUEUED


def test_started_and_still_running() -> None:
    assert fate(undone(start=35)).cause is Cause.RUNNING
    assert fate(undone(start=35).held(unacked={0: 35})).cause is Cause.RUNNING


def test_started_and_killed() -> None:
    found = fate(undone(start=35).instance("worker", "exit", at=36))
    assert found.cause is Cause.KILLED
    assert "the worker exited at 36.00 s" in found.evidence
    alone = fate(undone(start=5))
    assert alone.cause is Cause.KILLED
    assert "though the worker lived" in alone.evidence


def test_failed() -> None:
    run = Run().steady(1, 21).story(0, at=2, start=3, end=4, outcome="error")
    assert fate(run.held(unacked={0: 3})).cause is Cause.FAILED


def test_never_published() -> None:
    run = undone(published=False)
    run.add(Op(t=LOAD_T + 39, f="await", type="info", story=0, story_id="s0", status="pending"))
    found = fate(run)
    assert found.cause is Cause.NEVER_PUBLISHED
    assert found.evidence.endswith("the API last said: pending")


def test_without_any_record_of_messages_nobody_knows_more_than_that_it_is_gone() -> None:
    run = undone()
    run.events = [event for event in run.events if not isinstance(event, MessagePhase)]
    assert fate(run).cause is Cause.UNTRACED
    assert run.judge()["lost"].numbers["lost"] == 1


def test_popped_and_never_registered() -> None:
    run = undone().queue(3, 1)
    found = fate(run)
    assert found.cause is Cause.POPPED
    assert "published at 2.12 s; the queues were empty at 4.00 s" in found.evidence
    assert "by elimination" in found.evidence


def test_received_and_never_started() -> None:
    found = fate(undone().message("received", 0, at=2.5))
    assert found.cause is Cause.DROPPED
    assert "received at 2.50 s; never started" in found.evidence
    run = undone().message("received", 0, at=2.5)
    run.log("error", "before", at=2.25).log("error", "outside body", at=2.75)
    assert fate(run).evidence.endswith("its log then, at 2.75 s: outside body")


def test_lost_with_the_brokers_data() -> None:
    found = fate(emptied(), EMPTIED)
    assert found.cause is Cause.LOST_WITH_DATA
    assert "not there when the broker was back" in found.evidence
    seen = fate(emptied().reading("before-fault", at=3.5, waiting=[0]), EMPTIED)
    assert "in the queue celery at 3.50 s" in seen.evidence
    received = fate(emptied().message("received", 0, at=2.5), EMPTIED)
    assert received.cause is Cause.LOST_WITH_DATA


def test_a_broker_that_kept_its_data_lost_nothing() -> None:
    assert fate(emptied(), RESTART).cause is Cause.POPPED
    keeps_nothing = Scenario(
        name="literal",
        title="-",
        on_cloud_run="-",
        guide_promises="-",
        must_hold="-",
        schedule=scenario(RESTART).schedule,
        workload=scenario(RESTART).workload,
        persistence=Persistence.NONE,
    )
    assert fate(emptied(), of=keeps_nothing).cause is Cause.LOST_WITH_DATA


def test_what_was_published_after_it_or_was_still_there_is_not_lost_with_the_data() -> None:
    later = Run().steady(1, 21).story(0, at=9).fault(0, begin=4, end=8)
    assert fate(later, EMPTIED).cause is Cause.POPPED
    kept = emptied().reading("after-fault", at=8.25, waiting=[0])
    assert fate(kept, EMPTIED).cause is Cause.POPPED


def test_what_was_gone_before_it_is_not_lost_with_the_data() -> None:
    run = emptied().reading("before-fault", at=3.5, waiting=[1])
    assert fate(run, EMPTIED).cause is Cause.POPPED
    late = emptied().reading("before-fault", at=2, waiting=[1])
    assert fate(late, EMPTIED).cause is Cause.LOST_WITH_DATA  # published at 2.125 s
    partial = emptied()
    partial.add(held_at(3.5, "before-fault", Holdings(not_read=1), step=0))
    assert fate(partial, EMPTIED).cause is Cause.LOST_WITH_DATA


def test_a_story_published_again_after_it_was_killed_went_where_its_last_message_went() -> None:
    run = undone(start=3).instance("worker", "exit", at=5)
    assert fate(run).cause is Cause.KILLED
    # The line of its own publish may stand after its start.
    run.message("published", 0, at=3.25)
    assert fate(run).cause is Cause.KILLED
    run.message("published", 0, at=9, task="another", service="worker")
    assert fate(run).cause is Cause.POPPED


@pytest.mark.parametrize("start", [None, 5])
def test_unknown_where_the_broker_cannot_be_read(start: float | None) -> None:
    run = undone(start=start)
    run.readings = [holding([], {}), Holdings(unseen="ConnectionError: refused")]
    found = fate(run)
    assert found.cause is Cause.UNKNOWN
    assert "ConnectionError: refused" in found.evidence


def test_the_findings_count_the_causes() -> None:
    run = undone(start=35).instance("worker", "exit", at=36).story(1, at=3).story(2, at=3)
    run.held(waiting=[2])
    found = run.judge()
    assert found["lost"].text == (
        "2 of 23 accepted stories lost (limit 0): 1 popped and never registered, "
        "1 started and killed."
    )
    assert found["unfinished"].text.endswith(
        "ended: 1 in the queue, 1 popped and never registered, 1 started and killed."
    )
