import math
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.stats.intervals import clopper_pearson, paired_difference, rate_interval, wilson

Interval = Callable[[int, int], tuple[float, float]]
HALF_A_DIGIT = 5.1e-5
"""The papers print four decimals."""

# Newcombe, "Two-sided confidence intervals for the single proportion" (1998), table I.
SINGLE = [
    (81, 263, (0.2553, 0.3662), (0.2527, 0.3676)),
    (15, 148, (0.0624, 0.1605), (0.0578, 0.1617)),
    (0, 20, (0.0, 0.1611), (0.0, 0.1684)),
    (1, 29, (0.0061, 0.1718), (0.0009, 0.1776)),
]

# Newcombe, "Improved confidence intervals ... based on paired data" (1998), table III, method 10;
# cells e, f, g, h, where the difference is (f - g) / n.
PAIRED = [
    ((36, 12, 2, 0), (0.0569, 0.3404)),
    ((20, 12, 2, 16), (0.0562, 0.3292)),
    ((18, 12, 2, 18), (0.0562, 0.3290)),
    ((36, 14, 0, 0), (0.1528, 0.4167)),
    ((35, 14, 0, 1), (0.1461, 0.4175)),
    ((18, 14, 0, 18), (0.1441, 0.3963)),
    ((2, 97, 1, 0), (0.8721, 0.9854)),
    # Printed as 0.8736 under method 10 and 0.8737 under method 8; both are the same number here.
    ((1, 97, 1, 1), (0.8737, 0.9850)),
    ((0, 29, 1, 0), (0.6666, 0.9882)),
    ((2, 98, 0, 0), (0.9178, 0.9945)),
    ((1, 98, 0, 1), (0.9171, 0.9916)),
    ((0, 30, 0, 0), (0.8395, 1.0)),
    ((54, 0, 0, 0), (-0.0664, 0.0664)),
    ((53, 0, 0, 1), (-0.0729, 0.0729)),
    ((30, 0, 0, 24), (-0.0358, 0.0358)),
    ((29, 0, 0, 25), (-0.0354, 0.0354)),
    ((28, 0, 0, 26), (-0.0352, 0.0352)),
    ((27, 0, 0, 27), (-0.0351, 0.0351)),
]


@pytest.mark.parametrize(("failures", "trials", "score", "exact"), SINGLE)
def test_single_rates_as_published(
    failures: int, trials: int, score: tuple[float, float], exact: tuple[float, float]
) -> None:
    assert wilson(failures, trials) == pytest.approx(score, abs=HALF_A_DIGIT)
    assert clopper_pearson(failures, trials) == pytest.approx(exact, abs=HALF_A_DIGIT)


@pytest.mark.parametrize(("cells", "limits"), PAIRED)
def test_paired_differences_as_published(
    cells: tuple[int, int, int, int], limits: tuple[float, float]
) -> None:
    both, only_first, only_second, neither = cells
    found = paired_difference(both, only_second, only_first, neither)
    assert found[0] == pytest.approx((only_first - only_second) / sum(cells))
    assert found[1:] == pytest.approx(limits, abs=HALF_A_DIGIT)


def test_a_worked_example_of_paired_rates() -> None:
    # Altman and others, "Statistics with Confidence" (2000), table 6.2: 0.011 to 0.226.
    found = paired_difference(14, only_before=0, only_after=5, neither=22)
    assert found == pytest.approx((5 / 41, 0.0115, 0.2265), abs=HALF_A_DIGIT)


def chance(count: int, trials: int, rate: float) -> float:
    return math.comb(trials, count) * rate**count * (1 - rate) ** (trials - count)


def coverages(interval: Interval, trials: int, rates: list[float]) -> list[float]:
    """Return for each rate the exact probability that the interval holds it."""
    limits = [interval(count, trials) for count in range(trials + 1)]
    return [
        math.fsum(
            chance(count, trials, rate)
            for count, (low, high) in enumerate(limits)
            if low <= rate <= high
        )
        for rate in rates
    ]


RATES = [number / 200 for number in range(1, 200)]


@pytest.mark.parametrize("trials", [20, 100])
@pytest.mark.parametrize("interval", [wilson, rate_interval])
def test_mean_coverage(interval: Interval, trials: int) -> None:
    found = coverages(interval, trials, RATES)
    assert 0.93 < math.fsum(found) / len(found) < 0.97
    assert min(found) > 0.83  # the known dip of the score interval next to 0 and 1


@pytest.mark.parametrize("trials", [20, 100])
def test_the_exact_interval_always_covers(trials: int) -> None:
    rates = [0.0, 1e-6, 0.001, *RATES, 0.999, 1.0]
    assert min(coverages(clopper_pearson, trials, rates)) >= 0.95


def paired_coverage(trials: int, chances: tuple[float, float, float, float]) -> float:
    """Sum up the chances of all tables of `trials` whose interval covers the true difference."""
    truth = chances[2] - chances[1]
    total = 0.0
    for both in range(trials + 1):
        for before in range(trials + 1 - both):
            for after in range(trials + 1 - both - before):
                cells = (both, before, after, trials - both - before - after)
                _, low, high = paired_difference(*cells)
                if low <= truth <= high:
                    ways = math.factorial(trials)
                    weight = 1.0
                    for cell, share in zip(cells, chances, strict=True):
                        ways //= math.factorial(cell)
                        weight *= share**cell
                    total += ways * weight
    return total


@pytest.mark.parametrize(
    "chances", [(0.1, 0.5, 0.0, 0.4), (0.2, 0.2, 0.2, 0.4), (0.05, 0.25, 0.05, 0.65)]
)
def test_coverage_of_the_paired_difference(chances: tuple[float, float, float, float]) -> None:
    assert paired_coverage(20, chances) > 0.93


COUNTS = st.integers(1, 3000).flatmap(
    lambda trials: st.tuples(st.integers(0, trials), st.just(trials))
)
INTERVALS = pytest.mark.parametrize("interval", [wilson, clopper_pearson, rate_interval])


@INTERVALS
@given(counts=COUNTS)
def test_an_interval_holds_its_rate(interval: Interval, counts: tuple[int, int]) -> None:
    failures, trials = counts
    low, high = interval(failures, trials)
    assert 0 <= low <= failures / trials <= high <= 1
    assert (low == 0) is (failures == 0)
    assert (high == 1) is (failures == trials)


@INTERVALS
@given(counts=COUNTS)
def test_intervals_mirror(interval: Interval, counts: tuple[int, int]) -> None:
    failures, trials = counts
    low, high = interval(failures, trials)
    mirrored = interval(trials - failures, trials)
    assert mirrored == pytest.approx((1 - high, 1 - low), abs=1e-9)


@INTERVALS
@given(counts=COUNTS)
def test_one_more_failure_moves_both_ends_up(interval: Interval, counts: tuple[int, int]) -> None:
    failures, trials = counts
    one, other = interval(failures, trials + 1), interval(failures + 1, trials + 1)
    assert one[0] < other[0]
    assert one[1] < other[1]


@given(counts=COUNTS, factor=st.integers(2, 5))
def test_more_trials_make_intervals_narrower(counts: tuple[int, int], factor: int) -> None:
    failures, trials = counts
    for interval in (wilson, clopper_pearson, rate_interval):
        low, high = interval(failures, trials)
        closer = interval(failures * factor, trials * factor)
        assert closer[1] - closer[0] < high - low


FEW = st.integers(1, 200).flatmap(lambda trials: st.tuples(st.integers(0, trials), st.just(trials)))


@given(counts=FEW)
def test_the_exact_interval_leaves_its_tails(counts: tuple[int, int]) -> None:
    failures, trials = counts
    low, high = clopper_pearson(failures, trials)
    above = math.fsum(chance(count, trials, low) for count in range(failures, trials + 1))
    below = math.fsum(chance(count, trials, high) for count in range(failures + 1))
    assert failures == 0 or above == pytest.approx(0.025, rel=1e-7)
    assert failures == trials or below == pytest.approx(0.025, rel=1e-7)


CELLS = st.tuples(*[st.integers(0, 200)] * 4).filter(any)


@given(cells=CELLS)
def test_a_paired_interval_holds_its_difference(cells: tuple[int, int, int, int]) -> None:
    difference, low, high = paired_difference(*cells)
    assert -1 <= low <= difference <= high <= 1
    assert low < high


@given(cells=CELLS)
def test_exchanged_guards_change_the_sign(cells: tuple[int, int, int, int]) -> None:
    both, before, after, neither = cells
    difference, low, high = paired_difference(*cells)
    assert paired_difference(both, after, before, neither) == pytest.approx(
        (-difference, -high, -low)
    )


@given(cells=CELLS)
def test_counting_passes_changes_the_sign(cells: tuple[int, int, int, int]) -> None:
    both, before, after, neither = cells
    difference, low, high = paired_difference(*cells)
    assert paired_difference(neither, after, before, both) == pytest.approx(
        (-difference, -high, -low)
    )


@pytest.mark.parametrize("trials", [1, 7, 100, 10**6])
def test_the_edges_have_a_closed_form(trials: int) -> None:
    bound = 1 - 0.025 ** (1 / trials)
    assert rate_interval(0, trials) == pytest.approx((0, bound), abs=1e-12)
    assert rate_interval(trials, trials) == pytest.approx((1 - bound, 1), abs=1e-12)
    assert clopper_pearson(0, trials) == rate_interval(0, trials)
    if trials > 1:
        assert rate_interval(1, trials) == wilson(1, trials)


def test_many_trials_take_no_time() -> None:
    low, high = clopper_pearson(500_000, 1_000_000)
    assert (low, high) == pytest.approx(wilson(500_000, 1_000_000), abs=1e-6)


def test_confidence_widens() -> None:
    for interval in (wilson, clopper_pearson):
        assert interval(3, 10, 0.99)[0] < interval(3, 10)[0] < interval(3, 10, 0.8)[0]
    assert paired_difference(1, 2, 3, 4, 0.99)[1] < paired_difference(1, 2, 3, 4)[1]


def test_no_trials_say_nothing() -> None:
    for interval in (wilson, clopper_pearson, rate_interval):
        assert interval(0, 0) == (0.0, 1.0)
    assert paired_difference(0, 0, 0, 0) == (0.0, -1.0, 1.0)


def test_guards_that_never_differ_still_have_a_width() -> None:
    for cells in ((0, 0, 0, 100), (100, 0, 0, 0), (40, 0, 0, 60), (1, 0, 0, 0)):
        difference, low, high = paired_difference(*cells)
        assert difference == 0
        assert low < 0 < high
        assert low == pytest.approx(-high)


@INTERVALS
@pytest.mark.parametrize(("failures", "trials"), [(-1, 5), (6, 5), (1, 0), (-1, -1), (0, -3)])
def test_impossible_counts(interval: Interval, failures: int, trials: int) -> None:
    with pytest.raises(ValueError, match=f"^{failures} of {trials} trials cannot fail$"):
        interval(failures, trials)


@pytest.mark.parametrize("place", range(4))
def test_impossible_pairs(place: int) -> None:
    cells = [1, 1, 1, 1]
    cells[place] = -1
    with pytest.raises(ValueError, match="cannot be negative"):
        paired_difference(*cells)


@pytest.mark.parametrize("confidence", [0.0, 1.0, 95.0, math.nan])
def test_impossible_confidence(confidence: float) -> None:
    for interval in (wilson, clopper_pearson):
        with pytest.raises(ValueError, match="confidence must be between 0 and 1"):
            interval(1, 2, confidence)
    with pytest.raises(ValueError, match="confidence must be between 0 and 1"):
        paired_difference(1, 1, 1, 1, confidence)
