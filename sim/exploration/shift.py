"""The nearest passing run in time: how much earlier or later an injection must come.

Where a runtime's order leaves no choice, no other schedule passes; another moment may. A moment is
a time, or a number of turns of the loop.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

from pydantic import ValidationError

from sim.exploration.inquiry import Inquiry
from sim.exploration.shrink import Lenient
from sim.kernel.series import run_once
from sim.model.scenario import Scenario
from sim.model.times import settled
from sim.runs.play import Record, job_for, record
from sim.runs.stage import Rung
from sim.sut.guards import Guard

Unit = Literal["ms", "turns"]
FINEST_MS = 0.001
"""As near as the two runs are brought together, about one tick of virtual time."""
FARTHEST_MS = 60_000.0
MOST_TURNS = 12
"""So far away a passing moment is looked for."""


@dataclass(frozen=True, slots=True)
class Shift:
    """A run that passes because an injection comes at another moment.

    passing: the run. what: the injection. failed, passed: its moment in both runs, after its probe
    or from the beginning, in `unit`.
    """

    passing: Record
    what: str
    unit: Unit
    failed: float
    passed: float


@dataclass(frozen=True, slots=True)
class _Place:
    """A key of one injection that says when it comes."""

    index: int
    key: str
    unit: Unit
    value: float

    def moved(self, scenario: Scenario, value: float) -> Scenario:
        """Return the scenario with another value there. Raises ValidationError for a bad one."""
        injections = list(scenario.injections)
        given = int(value) if self.unit == "turns" else value
        injections[self.index] = injections[self.index].model_copy(update={self.key: given})
        return Scenario.model_validate({**scenario.model_dump(), "injections": injections})


def nearest_in_time(
    failing: Record, inquiry: Inquiry, rung: Rung = Rung.ASGI, guard: Guard | None = None
) -> Shift | None:
    """Return a passing run in which one injection comes at another moment, the nearest one found.

    The injections are tried in their order, the time of each before its turns. Times are tried in
    steps that double to both sides, and on each side that passes the border is closed in by
    halves; a passing time between two steps may be missed. None if there is no injection, if times
    are free, or if nothing near enough passes.
    """
    if inquiry.untimed:
        return None
    picks = [choice.picked for choice in failing.schedule]
    for place in _places(failing.scenario):

        def passes(value: float, place: _Place = place) -> Record | None:
            try:
                scenario = place.moved(failing.scenario, value)
            except ValidationError:
                return None
            job = job_for(scenario, Lenient(picks), rung, guard)
            found = record(scenario, run_once(job))
            return None if inquiry.fails(found.outcome) else found

        search = _nearest_time if place.unit == "ms" else _nearest_turn
        if (found := search(place.value, passes)) is not None:
            value, run = found
            what = failing.scenario.injections[place.index].do
            return Shift(run, what, place.unit, place.value, value)
    return None


def _places(scenario: Scenario) -> Iterator[_Place]:
    for index, one in enumerate(scenario.injections):
        key = "delay_ms" if one.at is not None else "time_ms"
        yield _Place(index, key, "ms", settled(getattr(one, key)))
        if one.at is not None:
            yield _Place(index, "hops", "turns", settled(one.hops))


Passes = Callable[[float], Record | None]


def _nearest_time(failed: float, passes: Passes) -> tuple[float, Record] | None:
    step = FINEST_MS
    while step < FARTHEST_MS:
        sides = [failed + step] + [max(0.0, failed - step)] * (failed > 0)
        found = [
            _closed_in(failed, side, run, passes)
            for side in sides
            if (run := passes(side)) is not None
        ]
        if found:
            return min(found, key=lambda one: abs(one[0] - failed))
        step *= 2
    return None


def _closed_in(failed: float, passed: float, run: Record, passes: Passes) -> tuple[float, Record]:
    """Return the border between a failing and a passing time, on its passing side."""
    while abs(passed - failed) > FINEST_MS:
        middle = (passed + failed) / 2
        if (found := passes(middle)) is not None:
            passed, run = middle, found
        else:
            failed = middle
    return passed, run


def _nearest_turn(failed: float, passes: Passes) -> tuple[float, Record] | None:
    for away in range(1, MOST_TURNS + 1):
        for value in (failed + away, failed - away):
            if value >= 0 and (run := passes(value)) is not None:
                return value, run
    return None
