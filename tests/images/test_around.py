"""An engine whose keeper was killed with it is taken away by the next one."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from stallproof.sites.namespaces import command_enclosed, why_no_namespaces

from .conftest import ROOT
from .swept import OURS, THEIRS


@pytest.mark.real
def test_the_next_engine_takes_away_what_a_killed_one_left(tmp_path: Path) -> None:
    if refused := why_no_namespaces():
        pytest.skip(f"no namespaces here: {refused}")
    script = Path(__file__).parent / "swept.py"
    done = subprocess.run(
        command_enclosed([sys.executable, str(script), str(tmp_path)], namespaces=True),
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)

    assert told["before"]["folders"] == 3, "the dead engines' two and a living one's"
    assert told["before"]["links"] == [OURS, THEIRS, "docker0"]
    assert told["before"]["forwarding"] != told["forwarding"]
    assert told["before"]["process"]
    assert told["kept"], "the living engine's folder"
    assert told["after"] == {
        "folders": 1,
        "links": [THEIRS],
        "forwarding": told["forwarding"],
        "process": False,
    }
