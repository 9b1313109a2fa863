"""Leaves out what takes a Docker Engine where none answers, and begins with the longest."""

from __future__ import annotations

import pytest

from stallproof.sites import images
from stallproof.sites.base import SiteError
from stallproof.sites.compose.command import find_command
from stallproof.sites.docker.engine import lacking

LEFT_OUT = pytest.StashKey[list[str]]()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--every-scenario",
        action="store_true",
        help="compare the sites on all scenarios, also where a part of them is enough for CI",
    )


@pytest.hookimpl(trylast=True)  # of what -m has left
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Take the tests marked `docker` or `compose` out where what they need is not there."""
    config.stash[LEFT_OUT] = said = []
    for marker, why_not in (("docker", no_engine), ("compose", no_compose)):
        wanting = [item for item in items if item.get_closest_marker(marker)]
        why = why_not() if wanting else None
        if why is None:
            continue
        items[:] = [item for item in items if item not in wanting]
        config.hook.pytest_deselected(items=wanting)
        said.append(f"left out: {marker} site: {why} ({len(wanting)} tests)")
    # The longest first, which mostly wait: begun last, one of them would have a core to itself.
    items.sort(key=lambda item: item.get_closest_marker("long") is None)


def no_engine() -> str | None:
    return lacking(images.every())


def no_compose() -> str | None:
    try:
        find_command()
    except SiteError as error:
        return str(error).removeprefix("compose: ")
    return None


@pytest.hookimpl(trylast=True)
def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Say so."""
    for said in config.stash.get(LEFT_OUT, []):
        terminalreporter.write_line(said)


@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Nothing to run, because all of it was left out, is no failure."""
    if exitstatus == pytest.ExitCode.NO_TESTS_COLLECTED and session.config.stash.get(LEFT_OUT, []):
        session.exitstatus = pytest.ExitCode.OK
