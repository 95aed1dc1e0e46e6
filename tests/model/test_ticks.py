import math
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.model.ticks import PER_SECOND, from_ms, from_seconds, seconds


@given(st.integers(0, 10**6))
def test_milliseconds_round_up_to_the_next_tick(value: int) -> None:
    ticks = from_ms(value)
    exact = Fraction(value * PER_SECOND, 1000)
    assert exact <= ticks < exact + 1


@given(st.integers(0, 1 << 50))
def test_seconds_and_back_is_exact(ticks: int) -> None:
    assert from_seconds(seconds(ticks)) == ticks


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("convert", [from_ms, from_seconds])
def test_times_must_be_finite(convert: object, value: float) -> None:
    with pytest.raises(ValueError, match="finite"):
        convert(value)  # type: ignore[operator]
