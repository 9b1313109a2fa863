"""What is shipped works away from the checkout, as wheels; `doctor` and `list` for machines."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from .command import broker_away, files_in, stallproof

pytestmark = pytest.mark.real

CHECKOUT = Path(__file__).resolve().parents[2]
DEADLINE_S = 180.0

PROBE = """
import json
from pathlib import Path
import stallproof, storymimi
from stallproof.catalog import default_folder
from stallproof.report.schema import results_schema
from stallproof.sites.compose.command import default_file
print(json.dumps({
    "stallproof": stallproof.__file__,
    "storymimi": storymimi.__file__,
    "scenarios": str(default_folder()),
    "compose": str(default_file()),
    "schema": results_schema()["title"],
    "typed": (Path(stallproof.__file__).parent / "py.typed").is_file(),
}))
"""


def test_doctor_says_what_was_found(desk: Path) -> None:
    done = stallproof("doctor", "--json", cwd=desk)
    assert done.code == 0, done
    assert done.err == ""
    rows = {row["part"]: row for row in done.json}
    assert set(rows) == {
        *("namespaces", "broker", "toxiproxy", "go", "uv", "compiler", "py-spy", "python"),
        *("docker", "images", "compose"),
    }
    for row in rows.values():
        assert set(row) == {"part", "ok", "found", "cost"}
        assert row["found"]
        assert bool(row["cost"]) != row["ok"], "what is missing costs something, the rest nothing"
    assert rows["python"]["found"].startswith(sys.executable)
    assert rows["broker"]["ok"]
    assert Path(rows["broker"]["found"].split()[0]).is_file()


def test_list_says_what_there_is(desk: Path) -> None:
    done = stallproof("list", "--json", cwd=desk)
    assert done.code == 0, done
    assert done.err == ""
    listed = {scenario["name"]: scenario for scenario in done.json}
    assert len(listed) == len(done.json)
    assert len([s for s in listed.values() if "default" in s.get("tags", [])]) >= 8
    for scenario in listed.values():
        assert {"title", "on_cloud_run", "guide_promises", "must_hold"} <= set(scenario)
    # One without any step asks what time alone does.
    steps = [step for scenario in listed.values() for step in scenario["schedule"]["steps"]]
    assert len(steps) >= len(listed)
    assert all(step["at_s"] >= 0 and step["fault"]["fault"] for step in steps)
    plain = stallproof("list", cwd=desk, env={"COLUMNS": "200"})
    assert plain.code == 0
    assert [name for name in listed if name not in plain.out] == []


def test_the_built_wheels_work_away_from_the_checkout(tmp_path: Path, desk: Path) -> None:
    wheels, home = tmp_path / "wheels", tmp_path / "environment"
    uv("build", "--quiet", "--all-packages", "--out-dir", str(wheels), str(CHECKOUT))
    uv("venv", "--quiet", "--python", sys.executable, str(home))
    python = home / "bin" / "python"
    built = sorted(map(str, wheels.glob("*.whl")))
    assert [Path(name).name.partition("-")[0] for name in built] == ["stallproof", "storymimi"]
    uv("pip", "install", "--quiet", "--python", str(python), *built)

    probe = json.loads(output(python, "-c", PROBE, cwd=desk))
    for part in ("stallproof", "storymimi", "scenarios", "compose"):
        assert Path(probe[part]).is_relative_to(home), probe
        assert Path(probe[part]).exists(), probe
    assert (probe["schema"], probe["typed"]) == ("stallproof results", True)

    installed = home / "bin" / "stallproof"
    here = {one["name"]: one for one in stallproof("list", "--json", cwd=desk).json}
    there = {one["name"]: one for one in json.loads(output(installed, "list", "--json", cwd=desk))}
    assert there == here

    # A run needs all of it: the system, the broker, the templates of the reports.
    broker_away(tmp_path / "scenarios", "tiny", for_s=1, load_s=5)
    output(installed, "run", "tiny", "--scenarios", "../scenarios", "--out", "result", cwd=desk)
    assert "<html" in (desk / "result" / "report.html").read_text()
    assert {"junit.xml", "report.md", "run.json"} <= files_in(desk / "result")


def uv(*arguments: str) -> None:
    output(Path(sys.executable), "-m", "uv", *arguments, cwd=CHECKOUT)


def output(program: Path, *arguments: str, cwd: Path) -> str:
    """What it writes to standard output; it must exit with 0, without help from PYTHONPATH."""
    done = subprocess.run(
        [program, *arguments],
        cwd=cwd,
        env={key: value for key, value in os.environ.items() if key != "PYTHONPATH"},
        capture_output=True,
        text=True,
        timeout=DEADLINE_S,
        check=False,
    )
    assert done.returncode == 0, f"{program.name} {arguments}: {done.stdout}{done.stderr}"
    return done.stdout
