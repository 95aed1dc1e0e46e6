"""The exact rate as a function of the sweep's axis, with the values at which it bends.

The drawn time and the axis span a plane, which the regions of equal runs tile. Along the axis the
same regions stay next to each other until one of them ends or another comes between: up to there
their borders are straight lines, so the rate under a uniform draw is one, too. How far that is
follows from the regions' half-planes, without a run: the rows in which a region has points are an
interval (it is convex), and so are those in which the gap between two is closed (the end of one is
concave in the row, the beginning of the other convex). Beyond it the next row is looked at.

Where two events come at once a run has a line of the plane instead of a region. At every point that
is told all lines are run, too, so its rate is exact; between points the rate is straight up to the
share of a few ticks.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise

from sim.errors import NoAnswer
from sim.model.scenario import Scenario
from sim.model.ticks import from_ms, ms
from sim.stats.masses import Share
from sim.sweep.cells import with_value
from sim.sweep.exact.drawn import drawn_of
from sim.sweep.exact.plane import NEAR, Interval, Running
from sim.sweep.exact.rate import ExactRate, Measured, Weighed, sum_of
from sim.sweep.exact.regions import Region, last_where

TIMES = re.compile(
    r"window_ms|pauses\.\w+|handler\.(work|apart|receive_timeout)_ms|setup\.\w+_ms"
    r"|clients\.(every|pause|delay|down)_ms|injections\.\d+\.(delay|time|each)_ms"
)
"""Axes that are nothing but a delay or a deadline. `handler.poll_ms` is counted down in a loop."""
MOST = 400
"""Rows of the plane that are looked at between two values of the sweep."""
SMOOTH = 8
"""Parts into which a piece that is not straight is divided."""


@dataclass(frozen=True, slots=True)
class Point:
    """The rate at one value of the axis."""

    value: float
    rate: Share


@dataclass(frozen=True, slots=True)
class Curve:
    """What a sweep's axis does to the rate."""

    rates: tuple[ExactRate, ...]
    """At the values of the sweep, in their order."""
    points: tuple[Point, ...]
    """At these and where it bends, in order: exact. Between neighbours lies a straight line, up to
    the share of six ticks, if `straight`. None where the axis is no time, or what is drawn has few
    values.
    """
    runs: int
    """How many it took in all."""
    straight: bool = True
    """Whether all that the points leave out is straight lines; else they lie on a smooth curve."""


def curve(scenario: Scenario) -> Running[Curve]:
    """Yield the jobs of a curve over the scenario's sweep, like a plan, and return it.

    Raises UserError and NoAnswer like `exact_rate`.
    """
    sweep = scenario.sweep
    if not TIMES.fullmatch(sweep.axis) or _has_few(scenario):
        return (yield from _apart(scenario))
    ticks = [from_ms(value) for value in sweep.values]

    def settled(row: int) -> Scenario:
        return with_value(scenario, sweep.axis, ms(row))

    measured = Measured(settled(ticks[0]), settled, (min(ticks), max(ticks)))
    tracer = _Tracer(measured)
    bends: set[int] = set(ticks)
    rows = sorted(bends)
    for low, high in pairwise(rows):
        bends |= set((yield from tracer.bends(low, high)))
    rates: dict[int, ExactRate] = {}
    for row in sorted(bends):
        before = measured.plane.runs
        weighed = yield from measured.row(row)
        rates[row] = measured.rate_of(weighed, measured.plane.runs - before)
    points = tuple(Point(ms(row), rate.rate) for row, rate in rates.items())
    return Curve(tuple(rates[tick] for tick in ticks), points, measured.plane.runs, tracer.straight)


def _has_few(scenario: Scenario) -> bool:
    """Whether what is drawn has few values, so that the rate is a stair."""
    drawn = drawn_of(scenario)
    return drawn is not None and (drawn.in_turns or drawn.draw.values() is not None)


def _apart(scenario: Scenario) -> Running[Curve]:
    """Return the rates at the values of a sweep, each computed for itself."""
    rates = []
    for value in scenario.sweep.values:
        measured = Measured(with_value(scenario, scenario.sweep.axis, float(value)))
        weighed = yield from measured.row(0)
        rates.append(measured.rate_of(weighed, measured.plane.runs))
    return Curve(tuple(rates), (), sum(one.runs for one in rates))


class _Tracer:
    """Follows the rate along the axis, without the lines between regions."""

    def __init__(self, measured: Measured) -> None:
        self._measured = measured
        self._rows: dict[int, Weighed] = {}
        drawn = measured.drawn
        self.straight = drawn is None or drawn.draw.uniform is not None

    def row(self, w: int) -> Running[Weighed]:
        """Return the intervals of a row, found once."""
        if w not in self._rows:
            self._rows[w] = yield from self._measured.row(w, lines=False)
        return self._rows[w]

    def bends(self, low: int, high: int) -> Running[list[int]]:
        """Return the rows between two, and these, at which the rate bends by more than lines do."""
        yield from self._trace(low, high)
        rows = [w for w in sorted(self._rows) if low <= w <= high]
        rates = {w: float(sum_of(self._rows[w])) for w in rows}
        tick = 0.0
        if self._measured.drawn is not None:
            tick = max(max(_density(*pair) for pair in self._rows[w]) for w in (low, high))
        return _simplify(rows, rates, 2 * NEAR * tick)

    def _trace(self, low: int, high: int) -> Running[None]:
        """Look at every row between two at which a region ends or begins."""
        for _ in range(MOST):
            chain = [one.region for one, _ in (yield from self.row(low)) if one.region is not None]
            within = self._measured.ends
            stop = last_where(partial(_adjoin, chain, within), low, high)
            if not self.straight:
                for part in range(1, SMOOTH):
                    yield from self.row(low + (stop - low) * part // SMOOTH)
            yield from self.row(stop)
            if stop >= high:
                return
            low = stop + 1
        raise NoAnswer(f"the rate bends more than {MOST} times up to {ms(low):g} ms of the axis")


def _density(one: Interval, share: Share) -> float:
    """Return how likely a tick of an interval is, on average."""
    return 0.0 if one.last is None else float(share) / (one.last - one.first + 1)


def _adjoin(chain: Sequence[Region], within: tuple[int, int | None], w: int) -> bool:
    """Whether regions lie next to each other in a row, but for lines, and all within two ticks."""
    stop: int | None = within[0] - 1
    for region in chain:
        span = region.span(w)
        if span is None or stop is None or span[0] - stop > NEAR + 1:
            return False
        if within[1] is not None and span[0] > within[1]:
            return False
        stop = span[1]
        if stop is not None and stop < within[0]:
            return False
    return stop is None or (within[1] is not None and within[1] - stop <= NEAR)


def _simplify(rows: Sequence[int], rates: Mapping[int, float], most: float) -> list[int]:
    """Return the rows of a polyline from which no rate is further away than `most`.

    By halving at the one that is the furthest (Douglas and Peucker, 1973), so that a bend is a row
    that was there.
    """
    first, last = rows[0], rows[-1]
    slope = (rates[last] - rates[first]) / max(1, last - first)
    off = {w: abs(rates[w] - rates[first] - slope * (w - first)) for w in rows}
    furthest = max(rows, key=lambda w: (off[w], -w))
    if off[furthest] <= most:
        return list(dict.fromkeys((first, last)))
    at = rows.index(furthest)
    before = _simplify(rows[: at + 1], rates, most)
    return [*before[:-1], *_simplify(rows[at:], rates, most)]
