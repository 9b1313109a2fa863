"""What must be true of the findings of any history whatever."""

from typing import Any

import msgspec
from histories import DOWN, KILL, RESTART, SLOW, scenario
from hypothesis import given, settings
from hypothesis import strategies as st

from stallproof.checkers import judge
from stallproof.events import (
    AnyEvent,
    Bite,
    Broker,
    Connections,
    FaultPhase,
    Health,
    Held,
    InstancePhase,
    Log,
    MessagePhase,
    Op,
    Phase,
    Task,
)
from stallproof.history import History
from stallproof.messages import Holdings, Unacked, Waiting
from stallproof.model import Scenario
from stallproof.records import Finding

# Multiples of 1/8, so that shifting them is exact; few values, so that moments coincide.
MOMENTS = st.integers(0, 8 * 120).map(lambda eighths: eighths / 8)
IDS = st.sampled_from(["warm", "s0", "s1", "s2", "stranger"])
INSTANCES = st.sampled_from(["", "worker-1", "worker-2"])
SERVICES = st.sampled_from(["api", "worker", "other"])
STEPS = st.integers(0, 2)
SECONDS = st.sampled_from([0.0, 0.125, 2.0, 30.0])
TASKS = st.sampled_from([None, "t0", "t1"])
WAITING = st.builds(Waiting, queue=st.just("celery"), story_id=st.none() | IDS, task_id=TASKS)
HOLDINGS = st.builds(
    Holdings,
    waiting=st.lists(WAITING, max_size=2).map(tuple),
    unacked=st.lists(
        st.builds(Unacked, story_id=IDS, task_id=TASKS, delivered_s=st.none() | SECONDS), max_size=2
    ).map(tuple),
    not_read=st.sampled_from([0, 0, 0, 1]),
    unseen=st.sampled_from([None, None, None, "ConnectionError: it is down"]),
)


def of(kind: type[Any], **fields: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.builds(kind, t=MOMENTS, **fields)


EVENTS: st.SearchStrategy[AnyEvent] = st.one_of(
    of(Phase, name=st.sampled_from(["boot", "warmup", "load", "settle", "end"])),
    of(
        Op,
        f=st.sampled_from(["submit", "await"]),
        type=st.sampled_from(["invoke", "ok", "fail", "info"]),
        story=st.integers(-1, 2),
        story_id=st.none() | IDS,
        latency_s=st.none() | SECONDS,
    ),
    of(
        Task,
        event=st.sampled_from(["start", "end", "skip"]),
        story_id=IDS,
        attempt=st.integers(1, 2),
        outcome=st.sampled_from(["ok", "error", None]),
        task_id=TASKS,
        instance=INSTANCES,
    ),
    of(
        MessagePhase,
        phase=st.sampled_from(["published", "received"]),
        story_id=IDS,
        task_id=st.sampled_from(["t0", "t1"]),
        instance=INSTANCES,
        redelivered=st.booleans(),
    ),
    of(Held, when=st.just("end"), holdings=HOLDINGS, visibility_timeout_s=SECONDS),
    of(
        FaultPhase,
        phase=st.sampled_from(["begin", "end"]),
        step=STEPS,
        name=st.just("fault"),
        plane=st.just("broker"),
        late_s=SECONDS,
    ),
    of(Bite, step=STEPS, name=st.just("fault"), bit=st.booleans(), seen=st.just("seen")),
    of(
        Health,
        service=SERVICES,
        instance=INSTANCES,
        status=st.sampled_from([200, 503, None]),
        latency_s=SECONDS,
    ),
    of(Log, service=SERVICES, what=st.sampled_from(["error", "connection-lost"]), line=st.text()),
    of(
        Broker,
        up=st.booleans(),
        queues=st.dictionaries(st.just("celery"), st.integers(0, 3)),
        unacked=st.integers(0, 3),
    ),
    of(
        Connections,
        link=st.sampled_from(["worker-broker", "elsewhere"]),
        open=st.integers(0, 3),
        opened=st.integers(0, 3),
        closed=st.integers(0, 3),
    ),
    of(
        InstancePhase,
        service=SERVICES,
        instance=INSTANCES,
        phase=st.sampled_from(["start", "sigterm", "liveness-kill", "exit"]),
        code=st.none() | st.integers(-15, 3),
    ),
)

BOOTED: list[AnyEvent] = [
    InstancePhase(t=0.0, service="worker", phase="start"),
    Op(t=0.0, f="await", type="ok", story=-1, story_id="warm"),
]
LOADED: list[AnyEvent] = [*BOOTED, Phase(t=1.0, name="load")]
ACCEPTED: list[AnyEvent] = [
    Op(t=2.0, f="submit", type="ok", story=n, story_id=f"s{n}", latency_s=0.125) for n in range(3)
]
"""Drawn one by one, a submit hardly ever is of a story of which something else tells, too."""
ACCEPTED_IDS = st.sampled_from(["s0", "s1", "s2"])
DRAWN = st.lists(EVENTS, max_size=40)
HISTORIES = DRAWN.flatmap(
    lambda events: st.sampled_from(
        [events, [*BOOTED, *events], [*LOADED, *events], [*LOADED, *ACCEPTED, *events]]
    )
)
SCENARIOS = st.sampled_from(
    [
        scenario(),
        scenario(KILL),
        scenario(RESTART, KILL, task_s=20.0),
        scenario(SLOW, DOWN, lost=1, duplicated=1, stall_s=1.0, settle_s=1.0),
    ]
)

BIG = settings(max_examples=300, deadline=None)


def findings(events: list[AnyEvent], of_scenario: Scenario) -> dict[str, Finding]:
    return {found.checker: found for found in judge(History(events), of_scenario)}


@BIG
@given(events=HISTORIES, of_scenario=SCENARIOS)
def test_any_history_gets_findings_that_can_be_told_and_kept(
    events: list[AnyEvent], of_scenario: Scenario
) -> None:
    found = judge(History(events), of_scenario)
    assert found
    assert found[0].checker == "boot"
    assert len({one.checker for one in found}) == len(found)
    for one in found:
        assert one.text.endswith(".")
        assert msgspec.json.decode(msgspec.json.encode(one), type=Finding) == one


@BIG
@given(events=HISTORIES, of_scenario=SCENARIOS, random=st.randoms(use_true_random=False))
def test_the_order_of_events_in_the_file_does_not_matter(
    events: list[AnyEvent], of_scenario: Scenario, random: Any
) -> None:
    shuffled = random.sample(events, len(events))
    assert judge(History(shuffled), of_scenario) == judge(History(events), of_scenario)


@BIG
@given(events=HISTORIES, of_scenario=SCENARIOS, by_s=st.sampled_from([-32.0, 0.5, 4096.0]))
def test_when_the_clock_was_started_does_not_matter(
    events: list[AnyEvent], of_scenario: Scenario, by_s: float
) -> None:
    shifted = [msgspec.structs.replace(event, t=event.t + by_s) for event in events]
    assert judge(History(shifted), of_scenario) == judge(History(events), of_scenario)


def until_200(events: list[AnyEvent]) -> list[AnyEvent]:
    """The same, watched until t = 200, which is after everything else."""
    unended = [e for e in events if not (isinstance(e, Phase) and e.name == "end")]
    return [*unended, Phase(t=200.0, name="end")]


def number(found: dict[str, Finding], checker: str, name: str) -> float:
    value = found[checker].numbers[name] if checker in found else 0.0
    return value if value is not None else 0.0


@BIG
@given(events=HISTORIES, at=MOMENTS, story=IDS)
def test_one_more_execution_never_makes_fewer_duplicates_nor_more_unfinished(
    events: list[AnyEvent], at: float, story: str
) -> None:
    more = [*events, Task(t=at, event="end", story_id=story, attempt=9, outcome="ok")]
    before, after = findings(events, scenario()), findings(more, scenario())
    for name in ("duplicated", "executed"):
        assert number(after, "duplicated", name) >= number(before, "duplicated", name)
    assert number(after, "unfinished", "unfinished") <= number(before, "unfinished", "unfinished")
    assert number(after, "unfinished", "nowhere") <= number(before, "unfinished", "nowhere")


@BIG
@given(events=HISTORIES, at=MOMENTS)
def test_one_more_start_or_fault_never_makes_a_longer_stall(
    events: list[AnyEvent], at: float
) -> None:
    """The start of a story of its own, so that it takes no other's end; the fault likewise."""
    watched = until_200(events)
    before = findings(watched, scenario())
    start = Task(t=at, event="start", story_id="new", attempt=1)
    fault = FaultPhase(t=at, phase="begin", step=9, name="fault", plane="broker")
    for more in (start, fault):
        after = findings([*watched, more], scenario())
        assert number(after, "stalled", "longest_s") <= number(before, "stalled", "longest_s")


@BIG
@given(events=DRAWN, waiting=st.lists(ACCEPTED_IDS, max_size=2), one_more=ACCEPTED_IDS)
def test_one_more_message_in_a_queue_at_the_end_never_makes_more_lost(
    events: list[AnyEvent], waiting: list[str], one_more: str
) -> None:
    def with_queue(*story_ids: str) -> list[AnyEvent]:
        queue = tuple(Waiting(queue="celery", story_id=each) for each in story_ids)
        last = Held(
            t=200.0, when="end", holdings=Holdings(waiting=queue), visibility_timeout_s=30.0
        )
        return [*until_200([*LOADED, *ACCEPTED, *events]), last]

    short = findings(with_queue(*waiting), scenario())
    longer = findings(with_queue(*waiting, one_more), scenario())
    assert number(longer, "lost", "lost") <= number(short, "lost", "lost")
