"""What a service of this machine is given."""

from __future__ import annotations

import sys
from pathlib import Path

from stallproof.sites.base import SystemSpec
from stallproof.sites.environment import surroundings


def test_what_a_service_leaves_in_its_temporary_folder_goes_with_the_run(tmp_path: Path) -> None:
    spec = SystemSpec(
        profile="none",
        python=sys.executable,
        services=(),
        broker_binary="broker",
        run_dir=str(tmp_path),
    )
    env = surroundings(spec, home=tmp_path / "scratch", clock={})
    assert env["HOME"] == env["TMPDIR"] == str(tmp_path / "scratch")
