"""Counters in bounded memory keep what they promise."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from sim.logs.bounded import UNITS_S, Frequent, Stretches

KEYS = st.lists(st.sampled_from("abcdefghij"), max_size=200)


@given(KEYS, st.integers(1, 12))
def test_a_count_is_low_by_at_most_what_is_said(keys: list[str], size: int) -> None:
    counter = Frequent(size)
    for key in keys:
        counter.add(key)
    true = Counter(keys)
    kept = {key: count for key, count, _ in counter.busiest(100)}
    assert len(kept) <= size
    assert counter.total == len(keys)
    assert counter.missed <= len(keys) // (size + 1)
    for key in true:
        assert kept.get(key, 0) <= true[key] <= kept.get(key, 0) + counter.missed
    if len(true) <= size:
        assert kept == dict(true)
        assert counter.missed == 0


def test_columns_add_up_and_ties_go_by_name() -> None:
    counter = Frequent(3)
    for key, column in (("b", 0), ("a", 1), ("b", 1), ("c", 0), ("a", 1)):
        counter.add(key, column, 2)
    assert counter.busiest(2) == [("a", 2, (0, 2)), ("b", 2, (1, 1))]
    assert counter.busiest(9)[2] == ("c", 1, (1, 0))


@given(st.lists(st.integers(0, 7 * 10**9), max_size=60), st.randoms(), st.integers(1, 8))
def test_stretches_do_not_depend_on_order_and_lose_nothing(
    seconds: list[int], chance: "st.DrawFn", limit: int
) -> None:
    first = Stretches(2, limit)
    for second in seconds:
        first.add(second, 1)
    shuffled = list(seconds)
    chance.shuffle(shuffled)  # type: ignore[attr-defined]
    other = Stretches(2, limit)
    for second in shuffled:
        other.add(second, 1)
    assert list(first) == list(other)
    assert first.unit_s == other.unit_s
    assert first.unit_s in UNITS_S
    assert sum(count for _, (_, count) in first) == len(seconds)
    assert len(list(first)) <= limit or first.unit_s == UNITS_S[-1]
    expected = Counter(second // first.unit_s * first.unit_s for second in seconds)
    assert {start: count for start, (_, count) in first} == dict(expected)


def test_minutes_stay_minutes_as_long_as_they_are_few() -> None:
    stretches = Stretches(1, 3)
    for second in (0, 59, 60, 7200):
        stretches.add(second, 0)
    assert list(stretches) == [(0, (2,)), (60, (1,)), (7200, (1,))]
    stretches.add(120, 0)
    assert stretches.unit_s == 3600
    assert list(stretches) == [(0, (4,)), (7200, (1,))]
