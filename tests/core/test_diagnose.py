"""Delta debugging finds the smallest set of settings at fault."""

from hypothesis import given
from hypothesis import strategies as st

from stallproof.diagnose import all_causes, minimal_cause

KEYS = [f"setting{i}" for i in range(24)]


@given(st.sets(st.sampled_from(KEYS), min_size=1, max_size=4))
def test_it_finds_exactly_the_settings_that_all_have_to_go(guilty: set[str]) -> None:
    found = minimal_cause(KEYS, lambda without: guilty <= without)
    assert set(found) == guilty


@given(st.sampled_from(KEYS))
def test_a_single_one_takes_few_experiments(guilty: str) -> None:
    tried = 0

    def succeeds(without: frozenset[str]) -> bool:
        nonlocal tried
        tried += 1
        return guilty in without

    assert minimal_cause(KEYS, succeeds) == (guilty,)
    assert tried <= 12


def test_nothing_is_blamed_when_no_setting_decides_it() -> None:
    assert minimal_cause(KEYS, lambda _without: False) == ()
    assert minimal_cause([], lambda _without: True) == ()


def test_a_failure_that_can_be_ended_at_two_places_shows_both() -> None:
    causes = all_causes(KEYS, lambda without: bool({"setting3", "setting17"} & without))
    assert sorted(causes) == [("setting17",), ("setting3",)]
