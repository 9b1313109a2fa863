"""The outbox as a whole: whatever becomes of messages, each story is done, and few go twice."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule
from hypothesis.strategies import floats, integers

from storymimi.celery_app import celery_app
from storymimi.publishing import Publisher
from storymimi.stories import LEASE_S, REPUBLISH_AFTER_MAX_S, REPUBLISH_AFTER_S

from .outbox import CONTENT, Message, World


class Outbox(RuleBasedStateMachine):
    """Any sequence of what may befall a message, its broker and its workers."""

    def __init__(self) -> None:
        super().__init__()
        self.world = World()
        self.in_hand: list[Message] = []
        """Taken by a worker, whose story is not begun."""
        self.may_go_twice = 0
        """Messages of which nobody can know that they are still there, or that they arrived."""

    def teardown(self) -> None:
        try:
            self.come_to_rest()
        finally:
            self.world.close()

    @rule()
    def post(self) -> None:
        self.world.post()

    @rule()
    def the_api_dies_before_it_publishes(self) -> None:
        self.world.store.create(title="t", prompt="p", user_id="u", due_in_s=3)

    @precondition(lambda self: not self.world.broker_away)
    @rule()
    def the_api_dies_as_it_publishes(self) -> None:
        story_id = self.world.store.create(title="t", prompt="p", user_id="u", due_in_s=3)
        self.world.publish(story_id)
        self.may_go_twice += 1

    @rule()
    def work(self) -> None:
        self.world.work()

    @rule()
    def begin(self) -> None:
        message = self.world.take()
        if message and (claim := self.world.begin(message)):
            self.world.running.append(claim)

    @precondition(lambda self: self.world.running)
    @rule()
    def finish(self) -> None:
        assert self.world.store.finish(self.world.running.pop(), CONTENT)

    @precondition(lambda self: self.world.running)
    @rule()
    def a_worker_dies_at_work(self) -> None:
        self.world.running.pop()

    @rule()
    def a_worker_freezes_as_it_takes_a_message(self) -> None:
        if message := self.world.take():
            self.in_hand.append(message)
            self.may_go_twice += 1

    @precondition(lambda self: self.in_hand)
    @rule()
    def it_goes_on(self) -> None:
        if claim := self.world.begin(self.in_hand.pop()):
            assert self.world.store.finish(claim, CONTENT)

    @precondition(lambda self: self.in_hand and not self.world.broker_away)
    @rule()
    def its_message_is_restored(self) -> None:
        self.world.queue.append(self.in_hand.pop())

    @rule()
    def a_message_is_popped_into_the_void(self) -> None:
        self.world.take()

    @rule()
    def the_broker_goes_away(self) -> None:
        self.world.broker_away = True

    @rule()
    def the_broker_comes_back(self) -> None:
        self.world.broker_away = False

    @rule()
    def the_broker_forgets_everything(self) -> None:
        self.world.queue.clear()

    @rule(number=integers(0, 1))
    def reconcile(self, number: int) -> None:
        self.world.reconcile(number)

    @rule(seconds=floats(0.1, 2 * REPUBLISH_AFTER_MAX_S))
    def wait(self, seconds: float) -> None:
        self.world.wait(seconds)

    def come_to_rest(self) -> None:
        """From now on nothing happens to anybody."""
        world = self.world
        world.broker_away = False
        while world.running:
            self.finish()
        while self.in_hand:
            self.it_goes_on()
        deadline = world.now + REPUBLISH_AFTER_MAX_S + REPUBLISH_AFTER_S + LEASE_S
        while world.unfinished():
            assert world.now < deadline, f"{world.unfinished()} stories will never be done"
            world.wait(REPUBLISH_AFTER_S)
            world.reconcile()
            while world.work():
                pass
        while world.work():
            pass
        assert world.refused <= self.may_go_twice


TestOutbox = Outbox.TestCase
TestOutbox.settings = settings(max_examples=20, stateful_step_count=30, deadline=None)


@pytest.fixture
def world() -> Iterator[World]:
    world = World()
    yield world
    world.close()


def test_a_backlog_drains_while_stories_go_on_arriving(world: World) -> None:
    """Ten arrive a second, and twelve messages can be taken, whether they are of use or not."""
    behind = []
    for second in range(60):
        world.broker_away = 10 <= second < 20
        for _ in range(10):
            world.post()
        world.reconcile()
        taken = sum(world.work() for _ in range(12))
        behind.append(len(world.queue))
        assert taken or world.broker_away
        world.wait(1)

    assert max(behind) > 80, "there was no backlog, and so nothing to see"
    assert world.refused == 0
    assert behind[-1] < max(behind) - 50


def test_of_a_backlog_that_the_broker_forgot_everything_comes_back_once(world: World) -> None:
    for _ in range(300):
        world.post()
    world.wait(REPUBLISH_AFTER_S)
    world.queue.clear()

    world.reconcile()
    while world.work():
        pass

    assert (world.unfinished(), world.refused, world.published) == (0, 0, 600)


def test_a_lost_message_is_missed_while_a_backlog_waits_behind_it(world: World) -> None:
    world.post()
    world.take()
    world.wait(REPUBLISH_AFTER_S + 1)
    world.post()
    world.wait(60)

    world.reconcile()

    assert len(world.queue) == 2, (
        "the lost story, and the one that waits: it was not published again"
    )


@pytest.mark.real
def test_the_queues_time_is_that_of_the_message_which_is_next(broker: Any) -> None:
    publisher = Publisher()
    publisher._connection = celery_app.connection_for_write(broker.url)
    marks = [time.time()]

    def mark() -> None:
        marks.append(time.time())

    def between() -> bool:
        return marks[-2] <= publisher.queue_time() <= marks[-1]

    empty = publisher.queue_time()
    mark()
    assert marks[-2] <= empty <= marks[-1], "nothing waits: now"
    publisher.publish("first")
    mark()
    assert between()
    marks.append(marks[-1])
    publisher.publish("second")
    marks.append(time.time())
    broker.client.rpop("story_generation")
    assert between()
    broker.client.rpush("story_generation", "not ours")
    assert publisher.queue_time() == float("-inf")
    publisher.close()
