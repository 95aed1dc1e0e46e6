"""The nearest passing run in time: how much earlier or later the injection must come.

Where a runtime's order leaves no choice, no other schedule passes; another moment may.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from pydantic import ValidationError

from sim.exploration.inquiry import Inquiry
from sim.exploration.shrink import Lenient
from sim.model.scenario import Scenario
from sim.model.times import settled
from sim.playing import Record, job_for, record
from sim.run import run_once
from sim.rungs import Rung
from sim.sut.guards import Guard

FINEST_MS = 0.001
"""As near as the two runs are brought together, about one tick of virtual time."""
FARTHEST_MS = 60_000.0
"""So far away a passing time is looked for."""


@dataclass(frozen=True, slots=True)
class Shift:
    """A run that passes because its injection comes at another time.

    passing: the run. what: the injection. failed_ms, passed_ms: its time in both runs, after its
    probe or from the beginning.
    """

    passing: Record
    what: str
    failed_ms: float
    passed_ms: float


def nearest_in_time(
    failing: Record, inquiry: Inquiry, rung: Rung = Rung.ASGI, guard: Guard | None = None
) -> Shift | None:
    """Return the passing run whose first injection is nearest in time to that of `failing`.

    Steps that double are tried to both sides, later first, and the border is closed in by halves.
    None if there is no injection, if times are free, or if no time near enough passes.
    """
    place = _place(failing.scenario)
    if place is None or inquiry.untimed:
        return None
    what, failed_ms, moved = place
    picks = [choice.picked for choice in failing.schedule]

    def passes(at_ms: float) -> Record | None:
        try:
            scenario = moved(at_ms)
        except ValidationError:
            return None
        job = job_for(scenario, Lenient(picks), rung, guard)
        found = record(scenario, run_once(job.program, job.scheduler, job))
        return None if inquiry.fails(found.outcome) else found

    far = next(((at, run) for at in _away(failed_ms) if (run := passes(at)) is not None), None)
    if far is None:
        return None
    passed_ms, best = far
    near = failed_ms
    while abs(passed_ms - near) > FINEST_MS:
        middle = (passed_ms + near) / 2
        if (run := passes(middle)) is not None:
            passed_ms, best = middle, run
        else:
            near = middle
    return Shift(best, what, failed_ms, passed_ms)


def _away(at_ms: float) -> Iterator[float]:
    """Yield times on both sides, ever farther away."""
    step = FINEST_MS
    while step < FARTHEST_MS:
        yield at_ms + step
        if at_ms - step >= 0:
            yield at_ms - step
        elif at_ms > 0:
            yield 0.0
        step *= 2


def _place(scenario: Scenario) -> tuple[str, float, Callable[[float], Scenario]] | None:
    """Return the first injection: what it does, when, and what moves it."""
    if not scenario.injections:
        return None
    first, *others = scenario.injections
    key = "delay_ms" if first.at is not None else "time_ms"
    value = getattr(first, key)

    def moved(at_ms: float) -> Scenario:
        changed = first.model_copy(update={key: at_ms})
        data = {**scenario.model_dump(), "injections": (changed, *others)}
        return Scenario.model_validate(data)

    return first.do, settled(value), moved
