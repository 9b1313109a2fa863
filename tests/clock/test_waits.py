"""Every way of waiting, at speeds 1, 10 and 60: asked against seen."""

import pytest

from stallproof.clock.table import SPEEDS, measure
from stallproof.clock.waits import every_wait

pytestmark = [pytest.mark.real, pytest.mark.long]


def test_every_wait_takes_what_was_asked_for_in_both_times() -> None:
    seen = measure()
    assert len(seen) == len(SPEEDS) * len(every_wait())
    wrong = [
        f"{one.wait} at {one.speed}: asked {one.asked_s}, seen {one.seen_s:.3f}, "
        f"really {one.real_s:.2f}"
        for one in seen
        if not one.right
    ]
    assert not wrong, "\n".join(wrong)
