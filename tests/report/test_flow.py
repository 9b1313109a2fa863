"""How a load flowed: counts and percentiles by the second, and when they are drawn."""

import pytest
from tests.report import samples

from stallproof.checkers import judge
from stallproof.history import History
from stallproof.report.drawing import MOST_ROWS, draw, shows_flow
from stallproof.report.flow import MOST_BINS, flow_of
from stallproof.report.frame import NARROW, WIDE
from stallproof.report.stories import Story
from stallproof.report.timeline import timeline


def story(accepted: float, took: float | None) -> Story:
    done = None if took is None else accepted + took
    return Story(number=0, invoked=accepted, accepted=accepted, work=(), done=done, outcome="done")


def test_a_story_counts_in_the_second_it_was_accepted_and_in_that_it_was_done() -> None:
    flow = flow_of([story(0.2, 0.1), story(0.9, 1.5), story(1.5, None)], 3.0)
    assert [f.accepted_per_s for f in flow] == [2, 1, 0]
    assert [f.done_per_s for f in flow] == [1, 0, 1]
    assert [f.p95_s for f in flow] == [pytest.approx(0.1), None, pytest.approx(1.5)]


def test_the_p95_is_the_nearest_rank() -> None:
    (only,) = flow_of([story(0.0, i / 100) for i in range(1, 21)], 1.0)
    assert only.p95_s == pytest.approx(0.19)


def test_a_long_load_has_wider_bins_and_no_more_of_them() -> None:
    flow = flow_of([story(float(i), 1.0) for i in range(3000)], 3600.0)
    assert len(flow) == MOST_BINS
    assert flow[0].accepted_per_s == pytest.approx(1.0)


@pytest.mark.parametrize("width", [WIDE, NARROW])
@pytest.mark.parametrize(("stories", "drawn"), [(MOST_ROWS, False), (MOST_ROWS + 1, True)])
def test_it_is_drawn_where_there_are_more_stories_than_rows(
    *, width: float, stories: int, drawn: bool
) -> None:
    history = History(samples.loses(stories=stories))
    record = samples.record(samples.RESTART, "p", judge(history, samples.RESTART))
    time = timeline(history, record)
    assert len(time.stories) == stories
    assert shows_flow(time) is drawn
    assert ("end to end p95" in draw(time, width=width, title="t")) is drawn
