"""How likely a drawn time is to fall into a range of ticks."""

import math
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.errors import UserError
from sim.model.ticks import from_ms, ms
from sim.model.times import Draw
from sim.stats.masses import first_tick, last_tick, points_of, share_of, turns_of

DRAWS = [
    Draw(uniform=(0, 20)),
    Draw(uniform=(3, 3.5)),
    Draw(uniform=(2, 2)),
    Draw(exponential=5),
    Draw(normal=(5, 3)),
    Draw(normal=(-1, 2)),
    Draw(list=(0, 1, 5, 5)),
    Draw(grid=(0, 20, 9)),
]


@pytest.mark.parametrize("draw", DRAWS, ids=str)
def test_all_shares_together_are_one(draw: Draw) -> None:
    assert share_of(draw, 0, None) == 1
    last = last_tick(draw)
    if last is not None:
        assert share_of(draw, 0, last) == share_of(draw, first_tick(draw), last) == 1
        assert share_of(draw, last + 1, None) == 0


@given(st.sampled_from(DRAWS), st.integers(0, 30_000), st.integers(0, 30_000), st.integers(0, 9))
def test_neighbouring_ranges_add_up(draw: Draw, one: int, other: int, more: int) -> None:
    first, middle = sorted((one, other))
    last = middle + more
    parts = share_of(draw, first, middle) + share_of(draw, middle + 1, last)
    assert float(parts) == pytest.approx(float(share_of(draw, first, last)), abs=1e-12)
    assert share_of(draw, first, middle) >= 0


@pytest.mark.parametrize("draw", DRAWS, ids=str)
def test_what_is_drawn_falls_into_a_range_as_often_as_its_share(draw: Draw) -> None:
    count = 4000
    drawn = [from_ms(draw.value("masses", number)) for number in range(count)]
    for first, last in ((0, 1000), (1001, 5243), (5244, 12_000), (12_001, 10**9)):
        share = float(share_of(draw, first, last))
        found = sum(first <= tick <= last for tick in drawn)
        spread = 5 * math.sqrt(count * share * (1 - share))
        assert abs(found - count * share) <= spread
    assert first_tick(draw) <= min(drawn)
    assert (last_tick(draw) or max(drawn)) >= max(drawn)


def test_a_tick_holds_what_rounds_up_to_it() -> None:
    draw = Draw(uniform=(0, 20))
    assert share_of(draw, 0, 0) == 0
    assert share_of(draw, 1, 1) == Fraction(1000, 1 << 20) / 20
    assert share_of(draw, 20_972, 20_972) == 1 - Fraction(20_971_000, 1 << 20) / 20
    assert from_ms(ms(1)) == 1


def test_a_normal_time_is_conditioned_on_what_is_not_below_zero() -> None:
    draw = Draw(normal=(0, 3))  # half of it lies below
    assert share_of(draw, 0, 0) == 0
    beyond = share_of(draw, from_ms(3) + 1, None)
    assert beyond == pytest.approx(2 * 0.158655, abs=1e-4)


def test_far_tails_keep_their_digits() -> None:
    draw = Draw(normal=(5, 1))
    assert float(share_of(draw, from_ms(15), None)) == pytest.approx(7.65e-24, rel=0.02)


def test_duplicates_of_a_list_count() -> None:
    assert points_of(Draw(list=(0, 1, 5, 5))) == {
        0: Fraction(1, 4), from_ms(1): Fraction(1, 4), from_ms(5): Fraction(1, 2),
    }  # fmt: skip
    assert points_of(Draw(uniform=(0, 1))) is None


@pytest.mark.parametrize(
    ("draw", "expected"),
    [
        ({"list": (0, 1, 1, 3)}, {0: "1/4", 1: "1/2", 3: "1/4"}),
        ({"grid": (0, 3, 4)}, {0: "1/4", 1: "1/4", 2: "1/4", 3: "1/4"}),
        ({"uniform": (0.5, 2.5)}, {0: "1/4", 1: "1/2", 2: "1/4"}),
        ({"uniform": (2, 2)}, {2: "1"}),
    ],
)
def test_turns_are_rounded_down(draw: dict[str, Any], expected: dict[int, str]) -> None:
    assert turns_of(Draw(**draw)) == {turn: Fraction(share) for turn, share in expected.items()}


def test_turns_without_an_end_are_refused() -> None:
    with pytest.raises(UserError, match="without an end"):
        turns_of(Draw(exponential=2))
