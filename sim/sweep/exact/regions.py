"""Regions of the plane in which a run stays the same but for its times.

Every time of a run is a sum of delays: as a function of the drawn tick t and of the axis' tick w
it is a t + c w + b with integers a and c, for each delay is fixed, or the drawn one or the axis',
which may recur. What a run does hangs on its choices (first in, first out there are none) and on
which of two times is the earlier, and the kernel notes every such comparison
(`sim.model.record.Look`). So the runs that make the same comparisons with the same answers fill a
polygon: each answer is a half-plane. By induction over the comparisons in the order in which they
are made, every point of the polygon has that run.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from sim.model.outcome import Outcome
from sim.sweep.exact.compared import Compared, Shape

Half = tuple[int, int, int]
"""Half a plane: the points (t, w) with a t + c w + g >= 1, as (a, c, g)."""


@dataclass(frozen=True, slots=True)
class Region:
    """The points at which all of `halves` hold, and what comes of a run there."""

    halves: tuple[Half, ...]
    outcome: Outcome
    shape: Shape

    def span(self, w: int) -> tuple[int, int | None] | None:
        """Return the first and the last tick t of a row, None for no end; or None if it is empty.

        t is never below 0.
        """
        first, last = 0, None
        for a, c, g in self.halves:
            room = c * w + g - 1
            if a > 0:
                first = max(first, -(room // a))
            elif a < 0:
                stop = room // -a
                last = stop if last is None else min(last, stop)
            elif room < 0:
                return None
        return None if last is not None and last < first else (first, last)

    def reach(self, w: int, end: int) -> int:
        """Return the row nearest to `end`, from row `w` on, that it has points in; it has in `w`.

        Its rows have no gaps, for it is convex; a row may miss its ticks where it is thinner than
        one, and counts as its end then.
        """
        return last_where(lambda row: self.span(row) is not None, w, end)


def last_where(holds: Callable[[int], bool], start: int, end: int) -> int:
    """Return the number nearest to `end` up to which `holds` is true, on from `start`, where it is.

    holds: true for all numbers up to some, and false beyond.
    """
    if holds(end):
        return end
    good, bad = start, end
    while abs(bad - good) > 1:
        middle = (good + bad) // 2
        if holds(middle):
            good = middle
        else:
            bad = middle
    return good


def halves_of(
    gaps: Iterable[int], in_t: Iterable[int], in_w: Iterable[int], t: int, w: int
) -> tuple[Half, ...]:
    """Return the half-planes in which the gaps of a run at (t, w) keep their signs.

    in_t, in_w: how each gap changes from one tick to the next. A gap of 0 does not change.
    """
    halves: dict[tuple[int, int], int] = {}
    for gap, a, c in zip(gaps, in_t, in_w, strict=True):
        if gap < 0:
            gap, a, c = -gap, -a, -c
        if a or c:
            g = gap - a * t - c * w
            halves[a, c] = min(g, halves.get((a, c), g))
    return tuple((a, c, g) for (a, c), g in halves.items())


@dataclass(frozen=True, slots=True)
class Linear:
    """A run at (t, w), and how its gaps change per tick in both directions."""

    run: Compared
    t: int
    w: int
    in_t: Sequence[int]
    in_w: Sequence[int]
    one_row: bool = True
    """Whether no other row is known to have the run."""

    def region(self) -> Region:
        """Return where the gaps keep their signs."""
        halves = halves_of(self.run.gaps, self.in_t, self.in_w, self.t, self.w)
        if self.one_row:
            halves = (*halves, (0, 1, 1 - self.w), (0, -1, 1 + self.w))
        return Region(halves, self.run.outcome, self.run.shape)

    def foretell(self, t: int, w: int) -> list[int]:
        """Return the gaps at another point."""
        return [
            gap + a * (t - self.t) + c * (w - self.w)
            for gap, a, c in zip(self.run.gaps, self.in_t, self.in_w, strict=True)
        ]


def differences(run: Compared, other: Compared) -> list[int]:
    """Return how much each gap changes from a run to another one of the same shape."""
    return [after - before for before, after in zip(run.gaps, other.gaps, strict=True)]
