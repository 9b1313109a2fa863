"""The reports read the checkers' numbers by name: held here to what the checkers really write."""

import pytest
from tests.report import samples

from stallproof.checkers import judge
from stallproof.events import AnyEvent
from stallproof.history import History
from stallproof.model import Scenario, Verdict
from stallproof.report.timeline import timeline
from stallproof.report.words import figures


@pytest.mark.parametrize(
    ("events", "scenario", "invalid", "lost_and_twice"),
    [
        (samples.recovers(), samples.RESTART, set(), ("0", "0")),
        (samples.shrugs_off(), samples.IDLE, set(), ("0", "0")),
        (samples.stalls(), samples.RESTART, {"stalled", "recovery", "health"}, ("0", "2")),
        (samples.loses(), samples.IDLE, {"lost", "duplicated"}, ("3", "1")),
    ],
)
def test_the_figures_are_the_checkers(
    events: list[AnyEvent],
    scenario: Scenario,
    invalid: set[str],
    lost_and_twice: tuple[str, str],
) -> None:
    run = samples.record(scenario, "p", judge(History(events), scenario))
    assert invalid <= {f.checker for f in run.findings if f.verdict is Verdict.INVALID}
    recovery, *others = figures(run)
    assert tuple(others) == lost_and_twice
    assert (recovery == "never") == ("recovery" in invalid)
    assert recovery != "-"


def test_the_bracket_is_as_long_as_the_checker_says() -> None:
    history = History(samples.recovers())
    run = samples.record(samples.RESTART, "p", judge(history, samples.RESTART))
    (measured,) = [f for f in run.findings if f.checker == "recovery"]
    (drawn,) = timeline(history, run).recoveries
    assert drawn.end - drawn.begin == pytest.approx(measured.numbers["first_start_s"])


def test_without_a_recovery_finding_there_is_no_bracket() -> None:
    run = samples.record(samples.RESTART, "p", ())
    assert timeline(History(samples.recovers()), run).recoveries == ()
