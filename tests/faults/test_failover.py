"""A real replica takes the broker's place: what is there afterwards, and what is lost."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from .enclosed_script import printed_by

INSIDE = Path(__file__).parent / "failing_over.py"
DEADLINE_S = 90.0

pytestmark = pytest.mark.real


@pytest.fixture(scope="module")
def failed_over() -> dict[str, Any]:
    """Once: of a module's fixture pytest keeps also the exception."""
    return printed_by(INSIDE, namespaces=False, deadline_s=DEADLINE_S)


@pytest.mark.parametrize("name", ["first", "second"])
def test_it_is_away_and_then_another_answers_on_its_addresses(
    name: str, failed_over: dict[str, Any]
) -> None:
    seen = failed_over[name]
    assert seen["bit"], seen["seen"]
    assert seen["away"] == "ConnectionRefusedError"
    assert seen["promoted"] == [True, False]
    assert (seen["role"], seen["each"]) == ("master", ["+PONG"])
    assert seen["before"] == "kept"
    assert not seen["still"]
    assert seen["again"] is None  # begun twice is begun once


def test_what_was_acknowledged_while_it_lagged_is_lost_and_counted(
    failed_over: dict[str, Any],
) -> None:
    seen = failed_over["first"]
    assert seen["after"] is None
    assert seen["behind"]["writes"] == 1
    assert seen["behind"]["bytes"] > 0


def test_without_a_lag_what_was_acknowledged_is_there(failed_over: dict[str, Any]) -> None:
    seen = failed_over["second"]
    assert seen["after"] == "acknowledged"
    assert seen["behind"]["writes"] == 0


def test_the_one_that_was_promoted_restarts_as_the_broker(failed_over: dict[str, Any]) -> None:
    assert failed_over["restarted"] == "kept"


@pytest.mark.parametrize("name", ["lie", "idle", "down"])
def test_it_says_no(name: str, failed_over: dict[str, Any]) -> None:
    assert failed_over[name] is False


def test_without_a_replica_nothing_is_promoted(failed_over: dict[str, Any]) -> None:
    assert failed_over["too_soon"]["promoted"] is False
