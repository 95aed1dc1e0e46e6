"""Intervals for failure rates and for the paired difference of two of them.

Trials are independent: each draws its own times and its own schedule. Two guards that are compared
run the same trials, so their difference is one of paired proportions.
"""

import math
from statistics import NormalDist


def wilson(failures: int, trials: int, confidence: float = 0.95) -> tuple[float, float]:
    """Return the score interval (low, high) of a rate, both between 0 and 1.

    failures: of `trials`. confidence: the share of intervals that cover the rate, on average over
    the rates. Without trials nothing is known: (0, 1).
    Raises ValueError unless 0 <= failures <= trials and 0 < confidence < 1.

    Wilson, "Probable inference, the law of succession, and statistical inference" (Journal of the
    American Statistical Association 22, 1927, 209-212), without continuity correction.
    """
    _check(failures, trials, confidence)
    if trials == 0:
        return 0.0, 1.0
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    centre = failures + z * z / 2
    half = z * math.sqrt(failures * (trials - failures) / trials + z * z / 4)
    # At the edges the two terms are equal; rounding must not leave 1e-17 there.
    low = 0.0 if failures == 0 else (centre - half) / (trials + z * z)
    high = 1.0 if failures == trials else (centre + half) / (trials + z * z)
    return low, high


def clopper_pearson(failures: int, trials: int, confidence: float = 0.95) -> tuple[float, float]:
    """Return the exact interval (low, high) of a rate, accurate to 1e-9.

    failures: of `trials`. confidence: the least share of intervals that cover the rate, whatever
    it is. Two-sided: each end is missed with probability (1 - confidence) / 2 at most, also when
    none or all trials fail. Without trials: (0, 1).
    Raises ValueError unless 0 <= failures <= trials and 0 < confidence < 1.

    Clopper and Pearson, "The use of confidence or fiducial limits illustrated in the case of the
    binomial" (Biometrika 26, 1934, 404-413).
    """
    _check(failures, trials, confidence)
    if trials == 0:
        return 0.0, 1.0
    tail = (1 - confidence) / 2
    return _lowest(failures, trials, tail), 1 - _lowest(trials - failures, trials, tail)


def rate_interval(failures: int, trials: int) -> tuple[float, float]:
    """Return the 95 % interval (low, high) of a failure rate, as all reports show it.

    It is Wilson's, which is close to 95 % on average, unless none or all of the trials fail: then
    it is the exact one, because "no failure in n trials" must not claim more than it shows.
    Without trials: (0, 1). Raises ValueError unless 0 <= failures <= trials.
    """
    if failures in (0, trials):
        return clopper_pearson(failures, trials)
    return wilson(failures, trials)


def paired_difference(
    both: int, only_before: int, only_after: int, neither: int, confidence: float = 0.95
) -> tuple[float, float, float]:
    """Return (difference, low, high): by how much more `after` fails than `before`, -1 to 1.

    both, only_before, only_after, neither: how many trials fail with both guards, with the first
    alone, with the second alone, with neither. The difference is (only_after - only_before) / n.
    Where no trial tells the guards apart, it is 0 and the interval still has a width: the guards
    may differ in trials that were not run. Without trials: (0, -1, 1).
    Raises ValueError for a negative count and unless 0 < confidence < 1.

    Newcombe, "Improved confidence intervals for the difference between binomial proportions based
    on paired data" (Statistics in Medicine 17, 1998, 2635-2650), method 10: the distances of the
    two Wilson limits, squared and added, less what the pairing explains (phi).
    """
    counts = (both, only_before, only_after, neither)
    if min(counts) < 0:
        raise ValueError(f"counts of trials cannot be negative: {counts}")
    trials = sum(counts)
    _check(both, trials, confidence)
    if trials == 0:
        return 0.0, -1.0, 1.0
    before = _distances(both + only_before, trials, confidence)
    after = _distances(both + only_after, trials, confidence)
    phi = _phi(*counts)
    difference = (only_after - only_before) / trials
    low = difference - _square_and_add(after[0], before[1], phi)
    high = difference + _square_and_add(after[1], before[0], phi)
    return difference, max(low, -1.0), min(high, 1.0)


def _check(failures: int, trials: int, confidence: float) -> None:
    if not 0 <= failures <= trials:
        raise ValueError(f"{failures} of {trials} trials cannot fail")
    if not 0 < confidence < 1:
        raise ValueError(f"confidence must be between 0 and 1, not {confidence}")


def _lowest(failures: int, trials: int, tail: float) -> float:
    """Return the rate at which at least `failures` of `trials` have probability `tail`."""
    if failures == 0:
        return 0.0
    if failures == trials:
        return float(tail ** (1 / trials))
    low, high = 0.0, failures / trials
    # A hundred halvings are beyond what a float can show.
    for _ in range(100):
        middle = (low + high) / 2
        if _at_least(failures, trials, middle) < tail:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def _at_least(failures: int, trials: int, rate: float) -> float:
    """Return P(X >= failures) of a binomial X with failures >= trials * rate, so the terms fall."""
    if rate <= 0:
        return 0.0
    ways = math.lgamma(trials + 1) - math.lgamma(failures + 1) - math.lgamma(trials - failures + 1)
    chance = failures * math.log(rate) + (trials - failures) * math.log1p(-rate)
    term = total = math.exp(ways + chance)
    odds = rate / (1 - rate)
    for count in range(failures, trials):
        term *= (trials - count) / (count + 1) * odds
        total += term
        if term <= total * 1e-17:
            break
    return total


def _distances(failures: int, trials: int, confidence: float) -> tuple[float, float]:
    """Return how far the Wilson limits are below and above the rate."""
    low, high = wilson(failures, trials, confidence)
    rate = failures / trials
    return rate - low, high - rate


def _phi(both: int, only_before: int, only_after: int, neither: int) -> float:
    """Return the correlation of the two outcomes, as corrected in method 10; 0 if one is fixed."""
    margins = (
        (both + only_before)
        * (only_after + neither)
        * (both + only_after)
        * (only_before + neither)
    )
    if margins == 0:
        return 0.0
    excess = both * neither - only_before * only_after
    if excess > 0:
        # The correction for continuity keeps a difference of 0 from having no interval at all.
        half = (both + only_before + only_after + neither) / 2
        return max(excess - half, 0.0) / math.sqrt(margins)
    return excess / math.sqrt(margins)


def _square_and_add(one: float, other: float, phi: float) -> float:
    return math.sqrt(max(one * one - 2 * phi * one * other + other * other, 0.0))
