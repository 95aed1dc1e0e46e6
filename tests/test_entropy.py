from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.entropy import SPAN, below, draws, influence_free, scale, seed_for
from sim.model.schedule import Kind

KEYS = st.lists(st.one_of(st.text(max_size=5), st.integers()), max_size=4).map(tuple)


@given(KEYS, KEYS)
def test_different_keys_give_different_streams(
    one: tuple[str, ...], other: tuple[str, ...]
) -> None:
    same = next(draws(*one)) == next(draws(*other))
    assert same == (one == other and list(map(type, one)) == list(map(type, other)))


def test_the_stream_is_the_same_for_ever() -> None:
    assert list(islice(draws(7, "step", "handler"), 2)) == FIRST_DRAWS
    assert influence_free(6, "client/1", 3).hex() == FIRST_BYTES


def test_regression_an_enumeration_draws_like_its_text() -> None:
    """Their repr differs between Pythons, and so did the draws of the uniform scheduler."""
    assert next(draws(1, Kind.STEP)) == next(draws(1, "step"))


def test_values_of_a_range_are_equally_likely() -> None:
    counts = [0] * 6
    for index in range(6000):
        counts[below(6, 1, index)] += 1
    assert all(880 < count < 1120 for count in counts)  # 4 standard deviations around 1000


@given(st.integers(0, SPAN - 1), st.integers(1, 1000))
def test_scaling_stays_below_the_bound(draw: int, bound: int) -> None:
    assert 0 <= scale(draw, bound) < bound


@given(st.integers(0, 300))
def test_influence_free_bytes_have_the_length_asked_for(count: int) -> None:
    assert len(influence_free(count, "c", 0)) == count


def test_trials_of_different_cells_have_different_seeds() -> None:
    assert (
        len({seed_for(1, "cell", trial) for trial in range(100)} | {seed_for(2, "cell", 0)}) == 101
    )


@pytest.mark.parametrize("bound", [0, -1])
def test_an_empty_range_is_an_error(bound: int) -> None:
    with pytest.raises(ValueError, match="must be positive"):
        below(bound, "x")


FIRST_DRAWS = [17793177404305977794, 14282886098894146253]
FIRST_BYTES = "cc299ecc1185"
