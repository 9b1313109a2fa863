"""What forked runs must not share: whatever is drawn once, at import, for one process."""

from __future__ import annotations

import subprocess
import sys

import pytest

from stallproof.engine import RUNNER
from stallproof.sites.choice import SITES, modules_of


@pytest.mark.parametrize("site", SITES)
def test_no_session_of_containers_is_drawn_before_the_fork(site: str) -> None:
    modules = (RUNNER, *modules_of(site))
    code = f"import sys, {', '.join(modules)}; print('testcontainers' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
