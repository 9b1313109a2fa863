"""What the exit code says: 0 holds, 1 violated, 3 not judged; who decides it.

The commands run side by side, started by the first test that asks: the guide's takes its time.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from importlib.util import find_spec
from pathlib import Path

import pytest

from .command import (
    Done,
    broker_away,
    runs_of,
    stallproof,
    text_of,
    verdicts_of,
    write_scenario,
)

pytestmark = pytest.mark.real

BLAME_DEADLINE_S = 300.0
"""It boots the system some twenty times."""
BOTH = ["away", "--profile", "hardened", "--profile", "celery-defaults", "--jobs", "2"]
COMMANDS = {
    "guide": ["away", "--profile", "guide"],
    "lenient": [*BOTH, "--must-hold", "hardened"],
    "strict": BOTH,
    "toothless": ["toothless"],
}


@pytest.fixture(scope="module")
def answer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Done]]:
    """The answer to one of the commands, waited for."""
    home = tmp_path_factory.mktemp("exit-codes")
    # While the broker is away nothing but an outbox can accept a story at once.
    limits = ", limits=Limits(accept_s=2, settle_s=10)"
    broker_away(home / "scenarios", "away", for_s=3, load_s=6, more=limits)
    write_scenario(
        home / "scenarios",
        "toothless",
        imports="IdleReset, Workload, at",
        arguments="schedule=[at(1, IdleReset(min_idle_s=600))], workload=Workload(for_s=3)",
    )

    def run(name: str) -> Done:
        where = ["--scenarios", "scenarios", "--out", name, "--json"]
        return stallproof("run", *COMMANDS[name], *where, cwd=home, timeout_s=BLAME_DEADLINE_S)

    with ThreadPoolExecutor(len(COMMANDS)) as pool:
        answers: dict[str, Future[Done]] = {name: pool.submit(run, name) for name in COMMANDS}
        yield lambda name: answers[name].result()


@pytest.mark.parametrize(("name", "code"), [("lenient", 0), ("strict", 1)])
def test_only_the_profiles_that_must_hold_decide(
    name: str, code: int, answer: Callable[[str], Done]
) -> None:
    done = answer(name)
    verdicts = {run["profile"]: run["verdict"] for run in runs_of(done.json)}
    assert verdicts == {"hardened": "valid", "celery-defaults": "invalid"}, done.err
    assert done.code == code, done.err


def test_a_fault_that_cannot_bite_is_unknown_and_3(answer: Callable[[str], Done]) -> None:
    done = answer("toothless")
    assert done.code == 3, done.err
    (run,) = runs_of(done.json)
    assert run["verdict"] == "unknown"
    verdicts = verdicts_of(run)
    assert verdicts.pop("fault-bit") == "unknown"
    assert set(verdicts.values()) == {"valid"}
    assert "did not bite: 0 sockets reset" in text_of(run, "fault-bit")


def test_the_guide_fails_and_the_line_that_decides_it_is_named(
    answer: Callable[[str], Done],
) -> None:
    done = answer("guide")
    assert done.code == 1, done.err
    (run,) = runs_of(done.json)
    assert verdicts_of(run) == {"boot": "invalid", "cause": "invalid"}
    cause = text_of(run, "cause")
    found = re.match(r"The worker starts without profiles\.py:(\d+): (\S+) = ", cause)
    assert found is not None, cause
    assert found[2] == "broker_transport_options.socket_keepalive_options"
    spec = find_spec("storymimi.profiles")
    assert spec is not None
    assert spec.origin is not None
    line = Path(spec.origin).read_text().splitlines()[int(found[1]) - 1]
    assert '"broker_transport_options.socket_keepalive_options.TCP_KEEPIDLE"' in line
