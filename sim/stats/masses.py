"""How likely a drawn time is to fall into a range of ticks, by its distribution as it is declared.

A time rounds up to its tick, so tick k > 0 holds what lies in ((k-1) u, k u], u being the length of
a tick, and tick 0 holds what lies at 0 alone. This is the distribution, not what a generator makes
of it: `Draw.value` draws from 2**64 values.
"""

import math
from collections import Counter
from collections.abc import Mapping
from fractions import Fraction
from functools import lru_cache

from sim.errors import UserError
from sim.model.ticks import PER_SECOND, from_ms
from sim.model.times import Draw

Share = Fraction | float
"""A probability: a fraction where the distribution is rational, else a float."""
_TICK_MS = Fraction(1000, PER_SECOND)


def last_tick(draw: Draw) -> int | None:
    """Return the last tick that a drawn time may fall into, None if there is none."""
    points = points_of(draw)
    if points is not None:
        return max(points)
    return from_ms(draw.uniform[1]) if draw.uniform is not None else None


def first_tick(draw: Draw) -> int:
    """Return the first tick that a drawn time may fall into."""
    points = points_of(draw)
    if points is not None:
        return min(points)
    return from_ms(draw.uniform[0]) if draw.uniform is not None else 0


@lru_cache(maxsize=100)
def points_of(draw: Draw) -> Mapping[int, Fraction] | None:
    """Return the ticks of a time that takes few values, with how likely each is; else None."""
    values = draw.values()
    if draw.uniform is not None and draw.uniform[0] == draw.uniform[1]:
        values = draw.uniform[:1]
    if values is None:
        return None
    counts = Counter(map(from_ms, values))
    return {tick: Fraction(count, len(values)) for tick, count in sorted(counts.items())}


def turns_of(draw: Draw) -> dict[int, Share]:
    """Return the whole numbers of a drawn number, which is rounded down, with how likely each is.

    Raises UserError for a distribution without an end.
    """
    values = draw.values()
    if values is not None:
        counts = Counter(map(int, values))
        return {number: Fraction(count, len(values)) for number, count in sorted(counts.items())}
    if draw.uniform is None:
        raise UserError("a drawn number of turns without an end; exact rates need a list of them")
    low, high = draw.uniform
    if low == high:
        return {int(low): Fraction(1)}
    return {
        number: _below_uniform(draw.uniform, Fraction(number + 1))
        - _below_uniform(draw.uniform, Fraction(number))
        for number in range(int(low), math.ceil(high))
    }


def share_of(draw: Draw, first: int, last: int | None) -> Share:
    """Return how likely a drawn time falls into the ticks `first` to `last`, both included.

    first: 0 or more. last: None for all from `first` on. A Fraction unless the distribution is
    exponential or normal; those are summed from the nearer tail, so that small shares keep their
    digits.
    """
    points = points_of(draw)
    if points is not None:
        return sum(
            (
                share
                for tick, share in points.items()
                if first <= tick and (last is None or tick <= last)
            ),
            Fraction(0),
        )
    low = _TICK_MS * (first - 1) if first else None
    high = None if last is None else _TICK_MS * last
    if draw.uniform is not None:
        return _below_uniform(draw.uniform, high) - (
            _below_uniform(draw.uniform, low) if low is not None else 0
        )
    start = None if low is None else float(low)
    stop = None if high is None else float(high)
    return max(0.0, _above(draw, start) - _above(draw, stop, beyond=True))


def _below_uniform(ends: tuple[float, float], value: Fraction | None) -> Fraction:
    """Return how likely a uniform time is not more than `value`, None being infinity."""
    start, stop = map(Fraction, ends)
    if value is None:
        return Fraction(1)
    return min(Fraction(1), max(Fraction(0), (value - start) / (stop - start)))


def _above(draw: Draw, value: float | None, beyond: bool = False) -> float:
    """Return how likely a time is more than `value`; None is before all, or `beyond` all."""
    if value is None:
        return 0.0 if beyond else 1.0
    if draw.exponential is not None:
        return math.exp(-value / draw.exponential)
    assert draw.normal is not None
    mean, deviation = draw.normal
    return _upper(value, mean, deviation) / _upper(0.0, mean, deviation)  # drawn again below 0


def _upper(value: float, mean: float, deviation: float) -> float:
    """Return the upper tail of a normal distribution."""
    return math.erfc((value - mean) / (deviation * math.sqrt(2))) / 2
