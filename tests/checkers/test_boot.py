"""`boot`, and that nothing else is said of a system that never came up."""

from histories import LOAD_T, Run, scenario

from stallproof.checkers import judge
from stallproof.events import Op, Starved
from stallproof.history import History
from stallproof.model import Verdict


def test_a_warmup_story_seen_done_is_a_boot() -> None:
    found = Run().judge()["boot"]
    assert found.verdict is Verdict.VALID
    assert found.numbers["boot_s"] == 42.5  # from 0.5, the first process started, to 43.0
    assert found.numbers["worker_exits"] == 0


def test_a_crash_loop_is_told_with_its_codes_and_its_last_error() -> None:
    run = Run(booted=False, until=0)
    for second in (-60, -50, -40):
        run.instance("worker", "exit", at=second)
        run.log("error", f"TypeError: at {second}", at=second)
    findings = run.judge()
    assert set(findings) == {"boot"}
    assert findings["boot"].verdict is Verdict.INVALID
    assert findings["boot"].numbers["worker_exits"] == 3
    assert findings["boot"].text == (
        "the system never came up: the api did not exit; the worker exited 3 times (signal 9); "
        "last error of the worker: TypeError: at -40."
    )


def test_a_machine_without_a_free_processor_says_nothing_of_the_system() -> None:
    def found(for_s: float, *, exits: int = 0) -> Verdict:
        run = Run(booted=False, until=0).add(Starved(t=LOAD_T, for_s=for_s))
        for _ in range(exits):
            run.instance("worker", "exit", at=-50)
        return run.judge()["boot"].verdict

    assert found(19.9) is Verdict.INVALID
    assert found(20.0) is Verdict.UNKNOWN
    assert found(100.0, exits=1) is Verdict.INVALID


def test_a_story_of_the_load_is_no_warmup() -> None:
    run = Run(booted=False).awaited(0, at=1)
    assert run.judge()["boot"].verdict is Verdict.INVALID


def test_a_warmup_story_only_accepted_is_no_boot() -> None:
    run = Run(booted=False)
    run.add(Op(t=LOAD_T, f="submit", type="ok", story=-1, story_id="warm"))
    run.add(Op(t=LOAD_T + 5, f="await", type="info", story=-1, story_id="warm"))
    assert run.judge()["boot"].verdict is Verdict.INVALID


def test_a_history_cut_short_during_boot_says_nothing() -> None:
    assert Run(booted=False, ended=False).judge()["boot"].verdict is Verdict.UNKNOWN
    assert [f.verdict for f in judge(History([]), scenario())] == [Verdict.UNKNOWN]


def test_one_service_exiting_is_enough_even_if_the_history_was_cut_short() -> None:
    run = Run(booted=False, ended=False).instance("worker", "exit", at=-60)
    run.instance("worker", "start", at=-59)
    found = run.judge()["boot"]
    assert found.verdict is Verdict.INVALID
    assert found.numbers == {
        "boot_s": None,
        "starved_s": 0,
        "api_exits": 0,
        "worker_exits": 1,
        "api_starts": 1,
        "worker_starts": 2,
    }


def test_only_what_came_before_counts() -> None:
    run = Run().instance("worker", "exit", at=-60).instance("worker", "start", at=-59)
    run.instance("worker", "exit", at=5).instance("worker", "start", at=6)
    numbers = run.judge()["boot"].numbers
    assert (numbers["worker_exits"], numbers["worker_starts"], numbers["boot_s"]) == (1, 2, 42.5)
