"""What is asked for wrongly, or cannot be had: one line, the right code, nothing written."""

from __future__ import annotations

from pathlib import Path

import pytest

from .command import Done, broker_away, runs_of, stallproof, text_of, verdicts_of

pytestmark = pytest.mark.real

# A scenario that starts nothing before the question is answered: the line comes first.
ANY = "idle-reset-worker"

BAD_USAGE = {
    "scenario": (["run", "no-such-thing"], "no scenario 'no-such-thing'; there are: "),
    "tag": (["run", "tag:no-such-tag"], "no scenario 'tag:no-such-tag'; there are: "),
    "profile": (["run", ANY, "--profile", "nope"], "--profile nope: there is none of that name"),
    "stack form": (["run", ANY, "--stack", "celery"], "'celery' is not name==version"),
    "set without value": (["run", ANY, "--set", "x"], "--set 'x': say KEY=VALUE"),
    "set not JSON": (["run", ANY, "--set", "x=y"], "--set 'x=y': 'y' is not JSON"),
    "unset of nothing": (["run", ANY, "--unset", "nope"], "the profile does not set nope"),
    "worker args": (["run", ANY, "--worker-args", "'"], '--worker-args "\'": No closing'),
    "out that exists": (["run", ANY, "--out", "../taken"], "--out ../taken: it exists already"),
    "out below a file": (["run", ANY, "--out", "../taken/file/new"], "--out ../taken/file/new: "),
    "must-hold": (["run", ANY, "--must-hold", "guide"], "--must-hold guide: that profile is not"),
    "site": (["run", ANY, "--site", "nonsense"], "--site nonsense: "),
    "loopback of docker": (["run", ANY, "--site", "docker", "--loopback"], "--loopback: it is a"),
    "stack of docker": (
        ["run", ANY, "--site", "docker", "--stack", "celery==5.3.6"],
        "--stack celery==5.3.6: the docker site runs what its images hold",
    ),
    "image of nothing": (
        ["run", ANY, "--image", "mine:1"],
        "--image mine:1: only the sites docker, compose run the system in one",
    ),
    "scenario folder": (["run", "--scenarios", "nowhere"], "nowhere: no such folder of scenarios"),
    "broken scenario": (["list", "--scenarios", "../broken"], "SyntaxError"),
    "gate's site": (["gate", "--site", "nonsense"], "--site nonsense: "),
    "gate's tag": (["gate", "--tag", "none"], "no scenario 'tag:none'; there are: "),
    "gate's thresholds": (
        ["gate", "--thresholds", "../bad.toml"],
        "--thresholds ../bad.toml: every: no such key: recovry_s; there are: ",
    ),
    "ablate's knob": (["ablate", "--only", "mingel"], "--only mingel: no knob; there are: "),
    "ablate's scenario": (["ablate", "--scenario", "none"], "no comparison is left of that"),
    "report of nothing": (["report", "nowhere"], "nowhere: no run.json there"),
    "report of no result": (["report", "../taken"], "../taken: no run.json there"),
}

IMPOSSIBLE = {
    "a stack": (["run", ANY, "--stack", "celery==0.0.77"], "celery==0.0.77"),
    "a broker": (["run", ANY, "--broker", "/nonexistent"], "/nonexistent is not an executable"),
}


@pytest.fixture
def surroundings(tmp_path: Path) -> None:
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "file").touch()
    (tmp_path / "bad.toml").write_text("[every]\nrecovry_s = 3\n")
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "broken.py").write_text("def f(:")


def refuses(done: Done, *, code: int, says: str, desk: Path) -> None:
    assert "Traceback" not in done.err, done.err
    assert done.code == code, done
    assert done.out == ""
    assert done.err.startswith("stallproof: "), done.err
    assert done.err.count("\n") == 1, done.err
    assert says in done.err
    assert list(desk.rglob("*")) == []


@pytest.mark.usefixtures("surroundings")
@pytest.mark.parametrize("case", BAD_USAGE)
def test_bad_usage_is_one_line_and_2(case: str, desk: Path) -> None:
    arguments, says = BAD_USAGE[case]
    refuses(stallproof(*arguments, cwd=desk), code=2, says=says, desk=desk)


@pytest.mark.parametrize("case", IMPOSSIBLE)
def test_what_cannot_be_had_is_one_line_and_4(case: str, desk: Path) -> None:
    arguments, says = IMPOSSIBLE[case]
    refuses(stallproof(*arguments, cwd=desk), code=4, says=says, desk=desk)


def test_no_docker_engine_is_one_line_and_4(desk: Path) -> None:
    nobody = {"DOCKER_HOST": f"unix://{desk}/nobody.sock"}
    done = stallproof("run", ANY, "--site", "docker", cwd=desk, env=nobody)
    refuses(done, code=4, says="docker: no engine answers (", desk=desk)


@pytest.mark.docker
def test_an_image_that_cannot_be_had_is_one_line_and_4(desk: Path) -> None:
    # A registry on a port where nobody listens: no name is asked for outside this machine.
    image = "127.0.0.1:1/nobody/has:this"
    done = stallproof("run", ANY, "--site", "docker", "--image", image, cwd=desk)
    says = f"docker: the image {image} is not here and cannot be pulled ("
    refuses(done, code=4, says=says, desk=desk)
    assert "`make images`" in done.err


@pytest.mark.parametrize(
    "arguments", [["run", "--nonsense"], ["nonsense"], ["run", "--repeat", "0"], ["report"]]
)
def test_what_the_parser_refuses_is_2_in_its_own_words(arguments: list[str], desk: Path) -> None:
    done = stallproof(*arguments, cwd=desk)
    assert done.code == 2
    assert "Usage: stallproof" in done.err
    assert "Traceback" not in done.err
    assert done.out == ""
    assert list(desk.rglob("*")) == []


def test_a_broker_that_exits_at_once_is_the_harness_failing(tmp_path: Path, desk: Path) -> None:
    broker = tmp_path / "broker"
    broker.write_text(
        "#!/bin/sh\n"
        "case $1 in --version) echo 'Redis server v=7.0.15';; *) echo 'not today'; exit 1;; esac\n"
    )
    broker.chmod(0o755)
    broker_away(tmp_path / "scenarios", "tiny", for_s=1, load_s=6)
    done = stallproof(
        "run", "--scenarios", "../scenarios", "tiny", "--broker", str(broker), "--json", cwd=desk
    )
    assert done.code == 4, done
    assert "Traceback" not in done.err
    (run,) = runs_of(done.json)
    assert run["verdict"] == "unknown"
    assert verdicts_of(run) == {"harness": "unknown"}
    why = "broker exited while starting; it said: not today"
    assert why in text_of(run, "harness")
    assert why in " ".join(done.err.split())  # folded to the width of a terminal
