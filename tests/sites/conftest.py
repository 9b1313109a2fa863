"""Runs an act of `inside.py` in an enclosure, and tells where enclosures are possible."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from stallproof.clock.build import find_shim
from stallproof.parts import find_toxiproxy
from stallproof.sites.namespaces import command_enclosed, why_no_namespaces

INSIDE = Path(__file__).parent / "inside.py"
ACT_TIMEOUT_S = 60.0


def act_argv(act: str, run_dir: Path, *, namespaces: bool, **options: Any) -> list[str]:
    return command_enclosed(
        inner_argv(act, run_dir, namespaces=namespaces, **options), namespaces=namespaces
    )


def inner_argv(act: str, run_dir: Path, *, namespaces: bool, **options: Any) -> list[str]:
    if options.get("route") == "proxied":
        options["toxiproxy"] = find_toxiproxy().path  # may be built, for which it takes a network
    if options.get("speed", 1) > 1:
        options["shim"] = find_shim()  # likewise
    text = json.dumps({"namespaces": namespaces, **options})
    return [sys.executable, str(INSIDE), act, str(run_dir), text]


@pytest.fixture(params=["namespaces", "processes"])
def namespaces(request: pytest.FixtureRequest) -> bool:
    """Both kinds of enclosure."""
    if request.param == "namespaces" and (refused := why_no_namespaces()):
        pytest.skip(f"no namespaces here: {refused}")
    return request.param == "namespaces"


@pytest.fixture
def perform(tmp_path: Path, namespaces: bool) -> Callable[..., dict[str, Any]]:  # noqa: FBT001
    """Perform an act in an enclosure and answer what it saw."""

    def act(name: str, **options: Any) -> dict[str, Any]:
        done = subprocess.run(
            act_argv(name, tmp_path, namespaces=namespaces, **options),
            capture_output=True,
            text=True,
            timeout=ACT_TIMEOUT_S,
            check=False,
        )
        assert done.returncode == 0, f"{name} exited with {done.returncode}:\n{done.stderr}"
        result: dict[str, Any] = json.loads(done.stdout)
        return result

    return act
