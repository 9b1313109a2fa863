"""A script of these tests, run in an enclosure: the JSON that it printed."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from stallproof.sites.namespaces import command_enclosed


def printed_by(
    script: Path, *arguments: str, namespaces: bool, deadline_s: float
) -> dict[str, Any]:
    """It gets the arguments and then a folder that is gone afterwards."""
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            command_enclosed(
                [sys.executable, str(script), *arguments, folder], namespaces=namespaces
            ),
            capture_output=True,
            text=True,
            timeout=deadline_s,
            check=False,
        )
    assert done.returncode == 0, done.stderr
    seen: dict[str, Any] = json.loads(done.stdout)
    return seen
