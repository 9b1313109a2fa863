"""Arrivals: evenly spaced by the rate, and the same however many processes share them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stallproof.arrivals import Stage, arrivals_s, share

RATES = st.floats(0, 200)
STAGES = st.lists(
    st.builds(Stage, for_s=st.floats(0.1, 20), from_per_s=RATES, to_per_s=RATES),
    min_size=1,
    max_size=5,
).map(tuple)


@given(STAGES, st.integers(1, 9))
def test_the_shares_of_n_processes_merged_are_the_whole(stages: tuple[Stage, ...], n: int) -> None:
    whole = arrivals_s(stages)
    merged = sorted(one for index in range(n) for one in share(whole, index=index, of=n))
    assert merged == list(enumerate(whole))


@given(STAGES)
def test_arrivals_come_in_order_within_the_time_and_as_many_as_are_due(
    stages: tuple[Stage, ...],
) -> None:
    found = arrivals_s(stages)
    assert found == sorted(found)
    assert abs(len(found) - sum(stage.total for stage in stages)) <= 1
    assert all(0 <= t <= sum(stage.for_s for stage in stages) + 1e-6 for t in found)


@given(st.floats(0.5, 300), st.floats(1, 60))
def test_half_of_a_ramp_from_nothing_is_a_quarter_of_its_stories(rate: float, for_s: float) -> None:
    found = arrivals_s((Stage(for_s=for_s, from_per_s=0, to_per_s=rate),))
    early = sum(t < for_s / 2 for t in found)
    assert abs(early - rate * for_s / 8) <= 1.5


def test_a_steady_rate_is_evenly_spaced() -> None:
    found = arrivals_s((Stage(for_s=2, from_per_s=2, to_per_s=2),))
    assert found == [0.0, 0.5, 1.0, 1.5]


@pytest.mark.parametrize(("index", "of"), [(2, 2), (-1, 2), (0, 0)])
def test_a_share_that_is_none_is_refused(index: int, of: int) -> None:
    with pytest.raises(ValueError, match="must be one of"):
        share([0.0], index=index, of=of)


def test_a_stage_without_length_is_refused() -> None:
    with pytest.raises(ValueError, match="for_s is 0"):
        Stage(for_s=0, from_per_s=1, to_per_s=1)
