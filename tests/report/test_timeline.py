import itertools
import xml.etree.ElementTree as ET

import pytest
from tests.report import samples

from stallproof.checkers import judge
from stallproof.checkers.facts import Facts
from stallproof.events import AnyEvent, Broker, Held
from stallproof.history import History
from stallproof.model import Scenario
from stallproof.report.drawing import MOST_ROWS, draw, thinned
from stallproof.report.frame import NARROW, WIDE
from stallproof.report.timeline import Timeline, timeline

SVG = "{http://www.w3.org/2000/svg}"


def of(events: list[AnyEvent], scenario: Scenario = samples.RESTART) -> Timeline:
    """The timeline of a run with what the checkers really say of it."""
    history = History(events)
    found = judge(history, scenario)
    run = samples.record(scenario, "p", found, fates=Facts(history, scenario).fates)
    return timeline(history, run)


def test_a_run_that_recovers() -> None:
    time = of(samples.recovers())
    assert time.outcomes == {"done": 24}
    (band,) = time.bands
    assert (round(band.begin, 6), round(band.end or 0, 6)) == (3.0, 7.0)
    (recovery,) = time.recoveries
    starts = [w.start for s in time.stories for w in s.work if w.start >= 7.0]
    assert recovery.recovered
    assert recovery.end == pytest.approx(min(starts))
    assert [s.said for s in time.health["worker"]] == ["200", "503", "200"]
    assert any(not depth.up for depth in time.depths)


def test_a_run_that_stalls() -> None:
    time = of(samples.stalls())
    assert time.outcomes == {"done": 4, "twice": 2, "waiting": 17, "refused": 1}
    (recovery,) = time.recoveries
    assert not recovery.recovered
    assert recovery.end == pytest.approx(57.0)
    assert [s.said for s in time.health["worker"]] == ["200"]


def test_what_is_in_no_queue_is_lost() -> None:
    time = of(samples.loses(), samples.IDLE)
    assert time.outcomes == {"done": 20, "twice": 1, "lost": 3}
    assert [band.end for band in time.bands] == [None, None]
    assert [s.said for s in time.health["worker"]] == ["200", "no answer", "200"]


def test_where_the_broker_could_not_be_read_nothing_is_claimed() -> None:
    events = [event for event in samples.loses() if not isinstance(event, Held)]
    time = of(events, samples.IDLE)
    assert time.outcomes["unfinished"] == 3
    assert time.outcomes["lost"] == time.outcomes["waiting"] == 0


def test_a_lasting_fault_that_never_ended_lasts_to_the_end() -> None:
    events = [e for e in samples.recovers() if getattr(e, "phase", "") != "end"]
    time = of(events)
    (band,) = time.bands
    assert not band.undone
    assert band.end == time.end
    assert time.recoveries == ()


def test_a_run_that_never_boots_counts_from_its_start() -> None:
    time = of(samples.never_boots())
    assert not time.loaded
    assert time.stories == ()
    assert [r.phase for r in time.instances["worker"]] == ["start", "exit"] * 7
    assert {s.state for s in time.health["worker"]} == {"mute"}


def test_where_nothing_was_sampled_nothing_is_claimed() -> None:
    events = [e for e in samples.recovers() if not (10 < e.t < 19 and hasattr(e, "latency_s"))]
    worker = of(events).health["worker"]
    gaps = [b.begin - a.end for a, b in itertools.pairwise(worker)]
    assert max(gaps) > 3


@pytest.mark.parametrize("width", [WIDE, NARROW])
@pytest.mark.parametrize(
    "events",
    [
        samples.recovers(),
        samples.stalls(),
        samples.never_boots(),
        samples.loses(),
        samples.loses(stories=400),
        samples.recovers()[:7],
        [Broker(t=0, up=False)],
    ],
)
def test_the_drawing_is_whole_and_stays_in_its_frame(events: list[AnyEvent], width: float) -> None:
    markup = draw(of(events), width=width, title="A <b> & c")
    root = ET.fromstring(str(markup).replace("<svg ", f'<svg xmlns="{SVG[1:-1]}" ', 1))
    assert root.findtext(f"{SVG}title") == "A <b> & c"
    height = float(root.attrib["viewBox"].split()[3])
    for rect in root.iter(f"{SVG}rect"):
        x, y = float(rect.attrib["x"]), float(rect.attrib["y"])
        assert 0 <= x <= x + float(rect.attrib["width"]) <= width + 1
        assert 0 <= y <= y + float(rect.attrib["height"]) <= height
    for text in root.iter(f"{SVG}text"):
        assert 0 <= float(text.attrib["x"]) <= width
        assert 0 < float(text.attrib["y"]) <= height


def test_the_drawing_names_faults_and_recovery() -> None:
    markup = draw(of(samples.stalls()), width=WIDE, title="t")
    assert "1 broker-restart" in markup
    assert "no start for 50.0 s" in markup
    assert "After fault 1 no task started in the 50.0 s that were left." in markup


def test_thinning_keeps_what_is_not_plainly_done() -> None:
    time = of(samples.loses(stories=400), samples.IDLE)
    odd = [s for s in time.stories if s.outcome != "done"]
    drawn = thinned(time.stories)
    assert 0 < len(odd) < MOST_ROWS == len(drawn) < len(time.stories)
    assert [s for s in drawn if s.outcome != "done"] == odd
