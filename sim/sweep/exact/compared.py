"""What a run hangs on: the times that it compared with one another, and all else that it did."""

from collections.abc import Sequence
from dataclasses import dataclass

from sim.model.outcome import Outcome
from sim.model.record import End, Event, Look

Shape = tuple[object, ...]
"""What of a run is the same as long as it does the same: all but times."""


@dataclass(frozen=True, slots=True)
class Compared:
    """A run. gaps: how far apart the times of each comparison were; the signs are the answers."""

    outcome: Outcome
    shape: Shape
    gaps: tuple[int, ...]


def compared(end: End, outcome: Outcome) -> Compared:
    """Return what a run hung on. end: of a job that recorded its looks at time."""
    gaps = _gaps_of(end.looks)
    shape = (
        end.ending,
        end.steps,
        outcome.classes,
        tuple((look.moved, *(name for name, _ in look.due)) for look in end.looks),
        tuple((gap > 0) - (gap < 0) for gap in gaps),
        tuple(map(_without_times, end.events)),
        end.outside,
        tuple(map(_without_times, end.remarks)),
    )
    return Compared(outcome, shape, gaps)


def _gaps_of(looks: Sequence[Look]) -> tuple[int, ...]:
    """Return for each comparison a number whose sign is its answer, linear in the times.

    Where the clock moved: how much later each time is than the first, 0 for those that come with
    it. Where somebody asked whether a time has come, "now" is a yes: halves keep that from being 0.
    """
    return tuple(
        tick - look.tick if look.moved else 2 * (tick - look.tick) - 1
        for look in looks
        for _, tick in look.due
    )


def _without_times(event: Event) -> tuple[object, ...]:
    values = event.values
    if event.kind == "wire":  # `at` is when it arrives, which is among the times compared
        values = {key: value for key, value in values.items() if key != "at"}
    return (event.task, event.kind, *values.items())
