"""The arithmetic of regions, held against going through all points."""

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from sim.model.outcome import Outcome
from sim.sweep.exact.regions import Half, Region, halves_of, last_where

SMALL = st.integers(-3, 3)
HALVES = st.lists(st.tuples(SMALL, SMALL, st.integers(-20, 40)), max_size=5)
SIDE = range(25)


def region(halves: Sequence[Half]) -> Region:
    return Region(tuple(halves), Outcome(), ())


@given(HALVES, st.sampled_from(SIDE))
def test_a_span_holds_exactly_the_ticks_of_a_row(halves: list[Half], w: int) -> None:
    inside = [t for t in SIDE if all(a * t + c * w + g >= 1 for a, c, g in halves)]
    span = region(halves).span(w)
    first, last = span or (1, 0)
    assert [t for t in SIDE if first <= t and (last is None or t <= last)] == inside


@given(HALVES, st.sampled_from(SIDE))
def test_a_region_reaches_as_far_as_its_rows_go_on(halves: list[Half], w: int) -> None:
    one = region(halves)
    if one.span(w) is None:
        return
    far = one.reach(w, SIDE[-1])
    assert all(one.span(row) is not None for row in (w, far))
    assert far == SIDE[-1] or one.span(far + 1) is None


@given(
    st.lists(st.tuples(SMALL, SMALL, st.integers(-9, 9)), min_size=1, max_size=6),
    st.integers(0, 9),
    st.integers(0, 9),
)
def test_within_the_half_planes_every_gap_keeps_its_sign(
    gaps: list[tuple[int, int, int]], t: int, w: int
) -> None:
    gaps = [(a, c, b) for a, c, b in gaps if a * t + c * w + b or (a, c) == (0, 0)]
    here = [a * t + c * w + b for a, c, b in gaps]
    halves = halves_of(here, [a for a, _, _ in gaps], [c for _, c, _ in gaps], t, w)
    one = region(halves)
    for row in SIDE:
        for tick in SIDE:
            signs = [a * tick + c * row + b for a, c, b in gaps]
            same = all(_sign(x) == _sign(y) for x, y in zip(here, signs, strict=True))
            span = one.span(row)
            assert same == (
                span is not None and span[0] <= tick and (span[1] is None or tick <= span[1])
            )


def _sign(gap: int) -> int:
    return (gap > 0) - (gap < 0)


@given(st.integers(0, 100), st.integers(0, 100), st.integers(0, 100))
def test_the_last_that_holds_is_found_in_both_directions(start: int, end: int, bound: int) -> None:
    up = start <= end

    def holds(number: int) -> bool:
        return number <= max(bound, start) if up else number >= min(bound, start)

    assert last_where(holds, start, end) == max(
        (n for n in range(min(start, end), max(start, end) + 1) if holds(n)),
        key=lambda n: abs(n - start),
    )
