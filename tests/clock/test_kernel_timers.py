"""A silent drop at ten times speed: the kernel's keepalive does not follow, so no verdict."""

from pathlib import Path

import pytest
from tests.end_to_end.command import runs_of, stallproof, write_scenario

from stallproof.exits import Exit

pytestmark = pytest.mark.real

ARGUMENTS = "schedule=[at(2, SilentDrop())], workload=Workload(for_s=6), max_speed=10"


def test_no_verdict_where_a_service_armed_keepalive(tmp_path: Path) -> None:
    folder, out = tmp_path / "scenarios", tmp_path / "out"
    write_scenario(folder, "gone", imports="SilentDrop, Workload, at", arguments=ARGUMENTS)
    done = stallproof(
        *["run", "gone", "--profile", "guide-int-keys", "--speed", "10"],
        *["--scenarios", str(folder), "--out", str(out), "--json"],
        cwd=tmp_path,
    )
    assert done.code == Exit.INCONCLUSIVE, done.out + done.err
    (run,) = runs_of(done.json)
    (found,) = (finding for finding in run["findings"] if finding["checker"] == "speed")
    assert run["verdict"] == found["verdict"] == "unknown"
    assert "TCP_KEEPIDLE 1 s set by api, worker;" in found["text"]
    assert "TCP_KEEPIDLE 300 s set by broker" in found["text"], "Valkey's own tcp-keepalive"
    assert "do not follow 10 times speed and may decide what silent-drop does" in found["text"]
    assert not any(finding["checker"] == "recovery" for finding in run["findings"])
