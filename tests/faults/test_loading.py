"""A broker that is back and loads: what it says meanwhile, and what it holds afterwards."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from stallproof.sites.base import Persistence

from .enclosed_script import printed_by

INSIDE = Path(__file__).parent / "slow_loading.py"
DEADLINE_S = 90.0

pytestmark = pytest.mark.real


@pytest.fixture(scope="module")
def loaded() -> dict[str, Any]:
    """Once: of a module's fixture pytest keeps also the exception."""
    return printed_by(INSIDE, namespaces=False, deadline_s=DEADLINE_S)


def test_it_answers_loading_until_the_end_and_has_its_data_then(loaded: dict[str, Any]) -> None:
    seen = loaded[Persistence.AOF]
    assert seen["restarted"] == [True, False]
    assert seen["bit"], seen["seen"]
    assert "-LOADING" in seen["seen"]
    assert seen["loaded"] == [True, False]
    assert not seen["still"]
    assert seen["each"] == ["+PONG"]
    assert (seen["kept"], seen["keys"]) == ("yes", ["db0"])  # what it had to load more is gone


def test_a_broker_that_keeps_nothing_has_nothing_to_load(loaded: dict[str, Any]) -> None:
    seen = loaded[Persistence.NONE]
    assert seen["restarted"] == [False, False]
    assert not seen["bit"]
    assert seen["kept"] == "yes"
