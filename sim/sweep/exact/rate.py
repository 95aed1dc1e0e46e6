"""One failure rate, exactly: the intervals of the drawn time, and how likely each of them is."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from sim.kernel.series import run_plan
from sim.model.engine import Job, Plan
from sim.model.scenario import Scenario
from sim.model.ticks import ms
from sim.runs.own import own_guard_of
from sim.runs.scenario import Prepared, ScenarioSubject
from sim.schedulers.fifo import Fifo
from sim.stats.masses import Share, first_tick, last_tick, points_of, share_of, turns_of
from sim.sweep.exact.drawn import drawn_of
from sim.sweep.exact.plane import Interval, Plane, Running

FEW = 100
"""Values of a drawn time that are run one by one."""
INSIDE = 8
"""Ticks inside an interval that are run as well where somebody's own code runs."""
Weighed = Sequence[tuple[Interval, Share]]
"""Intervals, and how likely each is."""


@dataclass(frozen=True, slots=True)
class Part:
    """Neighbouring values of what is drawn that have one outcome."""

    first: float
    """The first of them: in ms, or turns."""
    last: float | None
    """The last of them; None if there is no end."""
    share: Share
    """How likely a trial falls into it."""
    failed: bool
    """Whether it fails there."""
    label: str
    """What comes of it."""
    at_once: bool = False
    """Whether it is where two events fall into one tick: a matter of 0.001 ms."""


@dataclass(frozen=True, slots=True)
class ExactRate:
    """The failure rate of a scenario, computed instead of sampled."""

    rate: Share
    """The rate: a Fraction, or a float where the distribution has no rational shares."""
    parts: tuple[Part, ...]
    """The values of what is drawn, in order, by what comes of them."""
    key: str
    """What is drawn, "" for nothing."""
    unit: str
    """Of the values: "ms" or "turns"."""
    runs: int
    """How many runs it took."""

    @property
    def at_once(self) -> Share:
        """How likely a trial fails only because two events fall into one tick."""
        return sum((one.share for one in self.parts if one.failed and one.at_once), Fraction(0))

    @property
    def outcomes(self) -> dict[str, Share]:
        """How likely each outcome is, the likeliest first."""
        shares: dict[str, Share] = {}
        for part in self.parts:
            shares[part.label] = shares.get(part.label, Fraction(0)) + part.share
        return dict(sorted(shares.items(), key=lambda item: (-item[1], item[0])))


def exact_rate(scenario: Scenario) -> ExactRate:
    """Return the failure rate of a scenario exactly, over the distribution of its drawn time.

    scenario: under a first-in-first-out runtime, with at most one drawn time or number of turns.
    Raises UserError for another one, and NoAnswer if a run hangs on its times by more than their
    order, or says nothing about the handler.
    """
    found: list[ExactRate] = []

    def plan() -> Plan:
        measured = Measured(scenario)
        weighed = yield from measured.row(0)
        found.append(measured.rate_of(weighed, measured.plane.runs))

    run_plan(plan())
    return found[0]


class Measured:
    """What is drawn in a scenario, and the plane in which its runs lie.

    settled: returns the scenario of a row; rows: the first and the last.
    """

    def __init__(
        self,
        scenario: Scenario,
        settled: Callable[[int], Scenario] | None = None,
        rows: tuple[int, int] = (0, 0),
    ) -> None:
        self.drawn = drawn_of(scenario)
        self._alone = rows[0] == rows[1]
        self._guard = own_guard_of(scenario.guard)
        self._settled = settled or (lambda row: scenario)
        self._prepared: dict[int, tuple[Scenario, Prepared]] = {}
        judge = ScenarioSubject(scenario, guard=self._guard).judge
        self.plane = Plane(self._job, judge, rows, INSIDE if self._guard is not None else 0)

    @property
    def points(self) -> dict[int, Share] | None:
        """The values to run one by one, and how likely each is; None if there are too many."""
        if self.drawn is None:
            return {0: Fraction(1)} if self._alone else None
        if self.drawn.in_turns:
            return turns_of(self.drawn.draw)
        points = points_of(self.drawn.draw)
        return dict(points) if points is not None and len(points) <= FEW else None

    @property
    def ends(self) -> tuple[int, int | None]:
        """The first and the last tick that may be drawn, None if there is no last one."""
        if self.drawn is None:
            return 0, 0
        return first_tick(self.drawn.draw), last_tick(self.drawn.draw)

    def row(self, w: int, lines: bool = True) -> Running[Weighed]:
        """Return the intervals of a row with what each is worth. lines: see `Plane.row`."""
        points = self.points
        if points is None:
            found = yield from self.plane.row(w, *self.ends, lines)
            if self.drawn is None:
                return [(one, Fraction(1)) for one in found]
            draw = self.drawn.draw
            return [(one, share_of(draw, one.first, one.last)) for one in found]
        weighed = []
        for number, share in points.items():
            run = yield from self.plane.at(number, w)
            weighed.append((Interval(number, number, run.outcome), share))
        return weighed

    def rate_of(self, weighed: Weighed, runs: int) -> ExactRate:
        """Return what a row comes to."""
        in_turns = self.drawn is not None and self.drawn.in_turns
        parts = tuple(_parts(weighed, float if in_turns else ms))
        key = "" if self.drawn is None else self.drawn.key
        return ExactRate(sum_of(weighed), parts, key, "turns" if in_turns else "ms", runs)

    def _job(self, t: int, w: int) -> Job:
        if w not in self._prepared:
            scenario = self._settled(w)
            subject = ScenarioSubject(scenario, guard=self._guard)
            self._prepared[w] = scenario, subject.prepare()
        scenario, prepared = self._prepared[w]
        if self.drawn is not None:
            scenario = self.drawn.settle(t, scenario)
        return replace(prepared.job(scenario, Fifo()), looks=True)


def sum_of(weighed: Weighed) -> Share:
    """Return how likely a trial fails."""
    return sum((share for one, share in weighed if one.outcome.failed), Fraction(0))


def _parts(weighed: Weighed, show: Callable[[int], float]) -> Iterator[Part]:
    """Yield neighbours of one outcome together."""
    part: Part | None = None
    for interval, share in weighed:
        failed, label = interval.outcome.failed, interval.outcome.label
        last = None if interval.last is None else show(interval.last)
        if part is not None and (part.failed, part.label) == (failed, label):
            at_once = part.at_once and interval.line
            part = replace(part, last=last, share=part.share + share, at_once=at_once)
            continue
        if part is not None:
            yield part
        part = Part(show(interval.first), last, share, failed, label, interval.line)
    if part is not None:
        yield part
