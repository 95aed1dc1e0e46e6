"""Virtual time: integer ticks of 2**-20 s, so that sums are exact and equal times are equal.

A tick is a binary fraction, so `seconds(ticks)` is an exact float for the first 272 years.
"""

import math

PER_SECOND = 1 << 20
"""Ticks in one second."""


def seconds(ticks: int) -> float:
    """Return `ticks` in seconds, exactly."""
    return ticks / PER_SECOND


def ms(ticks: int) -> float:
    """Return `ticks` in milliseconds."""
    return ticks * 1000 / PER_SECOND


def from_seconds(value: float) -> int:
    """Return the first tick not before `value` seconds. Raises ValueError unless finite."""
    if not math.isfinite(value):
        raise ValueError(f"a time must be finite, not {value}")
    return math.ceil(value * PER_SECOND)


def from_ms(value: float) -> int:
    """Return the first tick not before `value` milliseconds: milliseconds round up."""
    if not math.isfinite(value):
        raise ValueError(f"a time must be finite, not {value}")
    if isinstance(value, int):
        return -(-value * PER_SECOND // 1000)
    return math.ceil(value * PER_SECOND / 1000)
