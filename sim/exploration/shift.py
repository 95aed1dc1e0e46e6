"""The nearest passing run in time: how much earlier or later an injection must come.

Where a runtime's order leaves no choice, no other schedule passes; another moment may. A moment is
a time, or a number of turns of the loop.
"""

from collections.abc import Callable
from dataclasses import dataclass

from sim.exploration.inquiry import Inquiry
from sim.kernel.series import run_once
from sim.runs.subject import Moment, Record, Unit, record_or_none
from sim.schedulers.replay import Lenient

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


def nearest_in_time(failing: Record, inquiry: Inquiry) -> Shift | None:
    """Return a passing run in which one injection comes at another moment, the nearest one found.

    The injections are tried in their order, the time of each before its turns. Times are tried in
    steps that double to both sides, and on each side that passes the border is closed in by
    halves; a passing time between two steps may be missed. None if there is no injection, if times
    are free, or if nothing near enough passes.
    """
    if inquiry.untimed:
        return None
    picks = [choice.picked for choice in failing.schedule]
    for moment in failing.subject.moments():

        def passes(value: float, moment: Moment = moment) -> Record | None:
            subject = moment.moved(value)
            if subject is None:
                return None
            found = record_or_none(subject, run_once(subject.job(Lenient(picks))))
            return None if found is None or inquiry.fails(found.outcome) else found

        search = _nearest_time if moment.unit == "ms" else _nearest_turn
        if (found := search(moment.value, passes)) is not None:
            value, run = found
            return Shift(run, moment.what, moment.unit, moment.value, value)
    return None


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
