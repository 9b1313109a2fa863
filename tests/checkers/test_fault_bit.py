"""`fault-bit`: a fault that did nothing proves nothing."""

from histories import DOWN, DROP, KILL, RESTART, SLOW, Run

from stallproof.faults import Down, SilentDrop
from stallproof.model import Verdict, at
from stallproof.sites.base import BACKEND


def bitten() -> Run:
    return Run().steady(1, 20).fault(0, begin=4, end=8).bite(0, at=4.5)


def test_begun_proven_and_felt() -> None:
    found = bitten().cut(at=5).judge(RESTART)["fault-bit"]
    assert found.verdict is Verdict.VALID
    assert (found.numbers["bit"], found.numbers["closed"]) == (1, 3)


def test_no_fault_scheduled() -> None:
    assert Run().judge()["fault-bit"].verdict is Verdict.VALID


def test_a_step_that_never_began() -> None:
    found = bitten().cut(at=5).judge(RESTART, KILL)["fault-bit"]
    assert found.verdict is Verdict.UNKNOWN
    assert found.text == "step 1 (client-kill) never began."


def test_a_step_without_proof_or_with_proof_of_the_contrary() -> None:
    unproven = Run().fault(0, begin=4, end=8).cut(at=5)
    assert unproven.judge(RESTART)["fault-bit"].verdict is Verdict.UNKNOWN
    toothless = Run().fault(0, begin=4, end=8).cut(at=5).bite(0, at=4.5, bit=False)
    assert toothless.judge(RESTART)["fault-bit"].verdict is Verdict.UNKNOWN
    of_another = Run().fault(0, begin=4, end=8).cut(at=5).bite(1, at=4.5)
    assert of_another.judge(RESTART)["fault-bit"].verdict is Verdict.UNKNOWN


def test_a_cut_that_nobody_felt() -> None:
    found = bitten().judge(RESTART)["fault-bit"]
    assert found.verdict is Verdict.UNKNOWN
    assert "felt by no one" in found.text


def test_what_was_felt_before_it_was_due_is_something_else() -> None:
    assert bitten().cut(at=3).judge(RESTART)["fault-bit"].verdict is Verdict.UNKNOWN
    lost_line = bitten().log("connection-lost", "Connection to broker lost", at=3)
    assert lost_line.judge(RESTART)["fault-bit"].verdict is Verdict.UNKNOWN


def test_what_was_felt_between_due_and_done_is_felt() -> None:
    run = Run().fault(0, begin=4, end=8, late_s=0.5).bite(0, at=4.5).cut(at=3.5)
    assert run.judge(RESTART)["fault-bit"].verdict is Verdict.VALID


def test_a_connection_lost_line_will_do_and_any_other_will_not() -> None:
    told = bitten().log("connection-lost", "Connection to broker lost", at=5)
    assert told.judge(RESTART)["fault-bit"].verdict is Verdict.VALID
    other = bitten().log("error", "something else", at=5)
    assert other.judge(RESTART)["fault-bit"].verdict is Verdict.UNKNOWN


def test_latency_closes_nothing_and_needs_not() -> None:
    assert bitten().judge(SLOW)["fault-bit"].verdict is Verdict.VALID


def test_only_the_faults_own_links_count() -> None:
    assert bitten().cut(at=5, link="elsewhere").judge(DOWN)["fault-bit"].verdict is (
        Verdict.UNKNOWN
    )
    assert bitten().cut(at=5).judge(DOWN)["fault-bit"].verdict is Verdict.VALID


def test_a_link_that_the_system_never_used_cannot_be_missed() -> None:
    backend = at(4, Down(links=BACKEND), for_s=4)
    elsewhere = bitten().open(at=1, link="worker-broker")
    found = elsewhere.judge(backend)["fault-bit"]
    assert found.verdict is Verdict.VALID
    assert "holds no connection on the links that were cut" in found.text
    used = elsewhere.open(at=2, link="worker-backend")
    assert used.judge(backend)["fault-bit"].verdict is Verdict.UNKNOWN
    blind = bitten()
    assert blind.judge(backend)["fault-bit"].verdict is Verdict.UNKNOWN


def dropped(flows: int) -> Run:
    return Run().steady(1, 20).fault(0, begin=4).bite(0, at=4.5, flows=flows)


def test_silence_needs_not_be_felt_but_must_have_hit_the_systems_own() -> None:
    assert dropped(3).judge(DROP)["fault-bit"].verdict is Verdict.VALID
    missed = dropped(0).open(at=1, link="worker-broker").judge(DROP)["fault-bit"]
    assert missed.verdict is Verdict.UNKNOWN
    assert missed.text == "step 0 (silent-drop) hit no connection of the system."


def test_silence_on_a_link_that_the_system_never_used_hits_nothing() -> None:
    backend = at(4, SilentDrop(links=BACKEND))
    found = dropped(0).open(at=1, link="worker-broker").judge(backend)["fault-bit"]
    assert found.verdict is Verdict.VALID
    assert "holds no connection on the links that were cut" in found.text


def test_the_numbers_count_from_the_first_fault_on() -> None:
    run = (
        bitten()
        .fault(1, begin=20)
        .bite(0, at=5, bit=False)
        .bite(1, at=21, bit=False)
        .cut(at=3)
        .cut(at=4)
        .cut(at=21)
    )
    run.log("connection-lost", "lost", at=3).log("connection-lost", "lost", at=4)
    found = run.judge(RESTART, KILL)["fault-bit"]
    assert found.numbers == {
        "steps": 2,
        "begun": 2,
        "bit": 1,
        "closed": 6,
        "opened": 0,
        "connection_lost": 1,
    }
    assert found.text == "step 1 (client-kill) did not bite: on the wire."
