"""Finds the regions of a plane by running single points of it.

From a run and those one tick further in each direction come the slopes of every time that was
compared: they are measured, not assumed. They foretell the whole region; it is run at its ends and
in its middle, where everything must be as foretold. A run that hangs on times in other ways, by
reading the clock say, is found out there, and there is no answer.
"""

from bisect import bisect_right, insort
from collections.abc import Callable, Generator, Iterable
from dataclasses import dataclass, replace
from operator import itemgetter
from typing import TypeVar

from sim.errors import NoAnswer
from sim.model.engine import Job
from sim.model.outcome import Outcome
from sim.model.record import End
from sim.sweep.exact.compared import Compared, compared
from sim.sweep.exact.regions import Linear, Region, differences

INSTEAD = "its rate is not known exactly: leave out --exact to sample it"
FAR = 1 << 42
"""A tick that stands for all beyond every other time: more than a month."""
MOST = 2_000
"""Intervals of one row. More would mean that the trace itself tells the drawn time."""
NEAR = 3
"""Ticks between two regions that may be lines: so many times meet at one, or two ticks apart."""
_NO_END = 1 << 62
_WIDE = 1 << 12
"""How far from its beginning a region without an end is looked at."""
Found = TypeVar("Found")
Running = Generator[Job, End, Found]
"""Yields jobs and is sent their ends, like a plan, and returns what it found."""


@dataclass(frozen=True, slots=True)
class Interval:
    """Ticks `first` to `last` of the drawn time, both included, None if it has no end."""

    first: int
    last: int | None
    outcome: Outcome
    region: Region | None = None
    """Where it belongs; None for ticks at which events meet, or values that were run one by one."""
    line: bool = False
    """Whether events meet there, on a line of the plane between two regions."""


class Plane:
    """The plane of a drawn time and an axis, in ticks, with the regions found so far.

    job: makes the world of a point (t, w). judge: says what an end came to. rows: the first and the
    last row, the same if there is no axis. inside: how many ticks within each region's first row
    are run as well, where code may look at times in ways that nobody notes.
    """

    def __init__(
        self,
        job: Callable[[int, int], Job],
        judge: Callable[[End], Outcome],
        rows: tuple[int, int] = (0, 0),
        inside: int = 0,
    ) -> None:
        self._job = job
        self._judge = judge
        self._rows = rows
        self._inside = inside
        self._ran: dict[tuple[int, int], Compared] = {}
        self._regions: list[Region] = []
        self._spans: dict[int, list[tuple[int, int, Region]]] = {}
        """For a row that was looked at: first and last tick of its regions, in order."""

    @property
    def runs(self) -> int:
        """How many points were run."""
        return len(self._ran)

    def row(
        self, w: int, first: int, last: int | None, lines: bool = True
    ) -> Running[tuple[Interval, ...]]:
        """Return the intervals that cover `first` to `last` (None: without end) of a row.

        lines: whether ticks at which events meet are run; else those between two regions of which
        both fail, or neither, are taken for as many more of the first. Raises NoAnswer where a run
        hangs on its times by more than their order.
        """
        found: list[Interval] = []
        t: int | None = first
        while t is not None and (last is None or t <= last):
            if len(found) == MOST:
                raise NoAnswer(
                    f"more than {MOST:,} intervals up to tick {t}: the runs differ by more than "
                    f"the order of their events, perhaps since a log line tells a time; {INSTEAD}"
                )
            one = None if lines or not found else self._line(found[-1], t, w)
            one = one or (yield from self._interval(t, w))
            if last is not None and (one.last is None or one.last > last):
                one = Interval(t, last, one.outcome, one.region)
            found.append(one)
            t = None if one.last is None else one.last + 1
        return tuple(found)

    def at(self, t: int, w: int) -> Running[Compared]:
        """Return the run at a point, which may have been made before."""
        found = self._ran.get((t, w))
        if found is None:
            end = yield self._job(t, w)
            found = self._ran[t, w] = compared(end, self._judge(end))
        return found

    def known(self, t: int, w: int) -> Interval | None:
        """Return from `t` on what is known of the row's region there, None if nothing is."""
        if w not in self._spans:
            self._spans[w] = []
            for region in self._regions:
                self._note(region, w)
        spans = self._spans[w]
        index = bisect_right(spans, t, key=itemgetter(0)) - 1
        if index < 0 or spans[index][1] < t:
            return None
        _, last, region = spans[index]
        return Interval(t, None if last == _NO_END else last, region.outcome, region)

    def _note(self, region: Region, w: int) -> None:
        """Note where a region lies in a row, if it does."""
        span = region.span(w)
        if span is not None:
            last = _NO_END if span[1] is None else span[1]
            insort(self._spans[w], (span[0], last, region), key=itemgetter(0))

    def _line(self, before: Interval, t: int, w: int) -> Interval | None:
        """Return the few ticks from `t` up to the next region that is known, if that is as before.

        Before a region stand at most as many lines as events can meet in one moment.
        """
        for stop in range(t, t + NEAR + 1):
            after = self.known(stop, w)
            if after is not None:
                same = after.outcome.failed == before.outcome.failed
                return (
                    Interval(t, stop - 1, before.outcome, None, True) if same and stop > t else None
                )
        return None

    def _interval(self, t: int, w: int) -> Running[Interval]:
        """Return the interval of a row that begins with `t`."""
        found = self.known(t, w)
        if found is None:
            region = yield from self._region(t, w)
            if region is None:
                run = yield from self.at(t, w)
                return Interval(t, t, run.outcome, line=True)
            found = self.known(t, w)
            assert found is not None, "a region holds the point that it was found at"
        return found

    def _region(self, t: int, w: int) -> Running[Region | None]:
        """Find the region of a point; None if its run is that of no other tick of the row."""
        run = yield from self.at(t, w)
        if self.known(t + 1, w) is not None:  # it would hold this tick, too
            return None
        beside = yield from self.at(t + 1, w)
        if run.shape != beside.shape:
            return None
        row = Linear(run, t, w, differences(run, beside), [0] * len(run.gaps))
        last = row.region().span(w)
        assert last is not None, "a region holds the point that it was found at"
        middle = (t + (t + _WIDE if last[1] is None else last[1])) // 2
        whole = yield from self._along_axis(row, (t + 1, middle))
        region = whole.region()
        for end, part in ((w, self._inside + 1), *zip(self._rows, (0, 1), strict=True)):
            far = region.reach(w, end)
            if far != w or end == w:
                yield from self._check_row(whole, region, far, part)
        self._regions.append(region)
        for known in self._spans:
            self._note(region, known)
        return region

    def _along_axis(self, row: Linear, ticks: Iterable[int]) -> Running[Linear]:
        """Measure the slopes along the axis at one of some ticks of a row.

        At the end of a row the one beside it may do something else already.
        """
        for tick in ticks:
            centre = yield from self._check(row, tick, row.w)
            for step in (1, -1):
                if self._rows[0] <= row.w + step <= self._rows[1]:
                    other = yield from self.at(tick, row.w + step)
                    if other.shape == row.run.shape:
                        in_w = [step * by for by in differences(centre, other)]
                        return replace(row, in_w=in_w, one_row=False)
        return row

    def _check_row(self, line: Linear, region: Region, w: int, parts: int) -> Running[None]:
        """Run so many ticks of a row of a region, the last one among them; the first if 0."""
        first, last = region.span(w) or (line.t, line.t)
        last = FAR if last is None else last
        ticks = [first + (last - first) * part // parts for part in range(1, parts + 1)] or [first]
        for tick in ticks:
            yield from self._check(line, tick, w)

    def _check(self, line: Linear, t: int, w: int) -> Running[Compared]:
        """Run a point of a region; see whether all is there as the slopes foretell, and return it.

        Raises NoAnswer if it is not.
        """
        run = yield from self.at(t, w)
        if run.shape != line.run.shape or list(run.gaps) != line.foretell(t, w):
            raise NoAnswer(
                f"between the ticks {line.t} and {t} of the drawn time the run changes by more "
                f"than the times that were compared foretell; {INSTEAD}"
            )
        return run
