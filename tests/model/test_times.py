"""Times: fixed or drawn, always the same for the same key, and never negative."""

import statistics
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from sim.model.times import Draw, draw_number, require_number


def drawn(count: int = 4000, **kind: Any) -> Sequence[float]:
    draw = Draw(**kind)
    return [draw.value("key", index) for index in range(count)]


def test_a_uniform_draw_fills_its_range() -> None:
    values = drawn(uniform=(10, 30))
    assert 10 <= min(values) < 10.1
    assert 29.9 < max(values) < 30
    assert abs(statistics.mean(values) - 20) < 0.4


def test_an_exponential_draw_has_its_mean_and_deviation() -> None:
    values = drawn(exponential=5)
    assert abs(statistics.mean(values) - 5) < 0.35
    assert abs(statistics.stdev(values) - 5) < 0.5


def test_a_normal_draw_is_cut_at_zero() -> None:
    wide, narrow = drawn(normal=(1, 5)), drawn(normal=(100, 5))
    assert min(wide) >= 0
    assert statistics.mean(wide) > 1  # what lies below 0 is drawn again
    assert abs(statistics.mean(narrow) - 100) < 0.4
    assert abs(statistics.stdev(narrow) - 5) < 0.3


def test_a_list_and_a_grid_give_each_value_equally_often() -> None:
    for values, expected in (
        (drawn(list=(1, 2, 7)), {1, 2, 7}),
        (drawn(grid=(0, 10, 5)), {0, 2.5, 5, 7.5, 10}),
    ):
        counts = {value: values.count(value) for value in set(values)}
        assert set(counts) == expected
        assert min(counts.values()) > 0.85 * len(values) / len(expected)


@given(st.integers(), st.text())
def test_the_same_key_draws_the_same(number: int, text: str) -> None:
    draw = Draw(uniform=(0, 1))
    assert draw.value(number, text) == draw.value(number, text)


def test_a_number_stays_what_it_is() -> None:
    assert draw_number(2.5, "any") == 2.5
    assert require_number(3) == 3.0
    with pytest.raises(TypeError, match="has not been drawn"):
        require_number(Draw(list=(1,)))


@pytest.mark.parametrize(
    ("kind", "fault"),
    [
        ({}, "a draw has exactly one of uniform, exponential, normal, list, grid; got none"),
        ({"uniform": (0, 1), "list": (1,)}, "got list, uniform"),
        ({"uniform": (2, 1)}, "the first value must not exceed the second"),
        ({"uniform": (-1, 1)}, "greater than or equal to 0"),
        ({"exponential": 0}, "greater than 0"),
        ({"normal": (-10, 1)}, "next to nothing lies above 0"),
        ({"list": ()}, "at least 1 item"),
        ({"grid": (0, 1, 1)}, "greater than or equal to 2"),
        ({"uniform": (0, float("inf"))}, "finite number"),
        ({"unifrom": (0, 1)}, "Extra inputs are not permitted"),
    ],
)
def test_a_draw_that_makes_no_sense_is_refused(kind: dict[str, Any], fault: str) -> None:
    with pytest.raises(ValidationError, match=fault):
        Draw(**kind)
