"""What is loaded though most uses of it need it not: seconds of work over a whole set of runs."""

from __future__ import annotations

import subprocess
import sys

import pytest

from stallproof.engine import RUNNER
from stallproof.sites.choice import SITES, modules_of

HEAVY = ("docker", "jinja2", "markdown_it", "pyroute2", "requests", "scipy", "testcontainers")


@pytest.mark.parametrize(
    ("module", "spared"),
    [
        ("stallproof.runner", (*HEAVY, "rich", "typer")),
        ("stallproof.cli", HEAVY),
        ("stallproof.pytest_plugin", (*HEAVY, "typer")),
        ("stallproof.sites.enclosed", (*HEAVY, "anyio", "msgspec", "redis")),
        # Drawn at its import, once for one process: forked runs would share a session's name.
        *((", ".join((RUNNER, *modules_of(site))), ("testcontainers",)) for site in SITES),
    ],
)
def test_what_most_uses_do_not_need_is_not_loaded(module: str, spared: tuple[str, ...]) -> None:
    code = f"import sys, {module}; print(*{{*sys.modules}}.intersection({spared!r}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []
