"""Leaves out, in one line, what takes a Docker Engine where none answers."""

from __future__ import annotations

import pytest

from stallproof.sites import images
from stallproof.sites.docker.engine import lacking

LEFT_OUT = pytest.StashKey[str]()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Take the tests marked `docker` out, once the engine was asked."""
    wanting = [item for item in items if item.get_closest_marker("docker")]
    if not wanting:
        return
    why = lacking(images.every())
    if why is None:
        return
    items[:] = [item for item in items if item not in wanting]
    config.hook.pytest_deselected(items=wanting)
    config.stash[LEFT_OUT] = f"left out: docker site: {why} ({len(wanting)} tests)"


@pytest.hookimpl(trylast=True)
def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Say so."""
    if said := config.stash.get(LEFT_OUT, None):
        terminalreporter.write_line(said)
