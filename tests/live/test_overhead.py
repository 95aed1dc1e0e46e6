"""What guards cost: that it is measured, on the real loop. How much is a benchmark, not a test."""

import asyncio

import pytest

from sim.live.overhead import BASELINE, Cost, guard_costs, median_interval
from sim.sut.guards import GUARDS


def test_every_guard_has_a_cost_and_the_baseline_costs_nothing_extra() -> None:
    found = {one.guard: one for one in guard_costs(messages=20, repeats=3)}
    assert list(found) == list(GUARDS)
    assert found[BASELINE].extra_ns == 0
    for one in found.values():
        assert 0 < one.low <= one.ns <= one.high
        assert (one.messages, one.repeats) == (20, 3)
        assert one.extra_low <= one.extra_ns <= one.extra_high


def test_only_what_is_asked_for_is_told() -> None:
    (one,) = guard_costs((GUARDS["catch"],), messages=5, repeats=1)
    assert one.guard == "catch"


@pytest.mark.parametrize(
    ("number", "ends"),
    [(1, (0, 0)), (5, (0, 4)), (6, (0, 5)), (9, (1, 7)), (25, (7, 17)), (100, (39, 60))],
)
def test_the_median_lies_between_the_order_statistics_of_the_sign_test(
    number: int, ends: tuple[int, int]
) -> None:
    assert median_interval(range(number)) == ends


@pytest.mark.parametrize(("messages", "repeats"), [(0, 1), (1, 0), (-1, 1)])
def test_nothing_cannot_be_measured(messages: int, repeats: int) -> None:
    with pytest.raises(ValueError, match="at least one"):
        guard_costs(messages=messages, repeats=repeats)


def test_costs_can_be_measured_where_a_loop_runs_as_in_a_notebook() -> None:
    async def cell() -> tuple[Cost, ...]:
        return guard_costs((GUARDS["catch"],), messages=5, repeats=1)

    (found,) = asyncio.run(cell())
    assert found.guard == "catch"
