"""The algebra of spans, held to what it means second by second."""

from hypothesis import given
from hypothesis import strategies as st

from stallproof.checkers.spans import (
    Span,
    deep,
    depth,
    held,
    intersect,
    longest_s,
    split,
    subtract,
    total_s,
    union,
)

SPANS = st.lists(st.tuples(st.integers(0, 20), st.integers(0, 20)).map(lambda s: (s[0], s[1])))


def cells(spans: list[Span]) -> list[int]:
    """The whole seconds covered, each as often as a span covers it."""
    return [second for start, end in spans for second in range(int(start), int(end))]


@given(left=SPANS, right=SPANS)
def test_union_intersect_and_subtract_mean_the_same_second_by_second(
    left: list[Span], right: list[Span]
) -> None:
    ours, theirs = set(cells(left)), set(cells(right))
    assert cells(union([*left, *right])) == sorted(ours | theirs)
    assert cells(intersect(left, right)) == sorted(ours & theirs)
    assert cells(subtract(left, right)) == sorted(ours - theirs)


@given(spans=SPANS, at_least=st.integers(1, 4))
def test_deep_is_where_enough_of_them_overlap(spans: list[Span], at_least: int) -> None:
    covered = cells([span for span in spans if span[0] < span[1]])
    assert cells(deep(spans, at_least)) == sorted(
        {second for second in covered if covered.count(second) >= at_least}
    )
    assert depth(spans) == max((covered.count(second) for second in covered), default=0)


@given(spans=SPANS, at=st.lists(st.integers(0, 20)))
def test_split_keeps_the_time_and_cuts_everywhere(spans: list[Span], at: list[int]) -> None:
    pieces = split(spans, at)
    assert union(pieces) == union(spans)
    assert not [cut for cut in at for start, end in pieces if start < cut < end]


def test_a_sample_holds_until_the_next_one() -> None:
    assert held([(1, True), (2, True), (4, False), (7, True)], until_t=9) == [(1, 4), (7, 9)]
    assert held([], until_t=9) == []


def test_lengths() -> None:
    assert total_s([(1, 3), (5, 9)]) == 6
    assert longest_s([(1, 3), (5, 9)]) == 4
    assert longest_s([]) == 0
