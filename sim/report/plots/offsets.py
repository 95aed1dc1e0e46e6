"""Results over the injection's time: where in the loop the race lives.

The times were drawn per trial, so no further run is needed: the same trials are sorted into equal
steps of the scenario's horizon. A time beyond the horizon counts as the last step.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

from sim.model.results import Cell, CellResult
from sim.model.times import Draw, require_number
from sim.stats.intervals import rate_interval
from sim.sweep.cells import Planned
from sim.sweep.reproduce import Reproduction
from sim.sweep.trials import trial_of

OFFSET_BINS = 8
COMPARED = ("pre-fix", "post-fix", "both-states", "catch")
"""The guards of the heat map: those that a reader compares."""


def by_offset(found: Reproduction, name: str) -> Iterator[CellResult]:
    """Yield the cells of a scenario by offset and window, under its first runtime.

    None where the window is not the axis.
    """
    runtime = next((one.cell.runtime for one in found.plan if one.cell.injection == name), "")
    cells = {
        index: one
        for index, one in _with_horizon(found, name).items()
        if one.cell.axis == "window_ms"
        and one.cell.window_ms is not None
        and one.cell.runtime == runtime
        and one.cell.guard in COMPARED
    }
    yield from _counted(found, cells, lambda cell, offset_ms: replace(cell, offset_ms=offset_ms))


def along_offsets(found: Reproduction, name: str) -> Iterator[CellResult]:
    """Yield the cells of a scenario by offset, all values of its axis together."""

    def placed(cell: Cell, offset_ms: float) -> Cell:
        unit = f"ms after {cell.probe}"
        return replace(cell, axis="offset_ms", value=offset_ms, unit=unit, window_ms=None)

    yield from _counted(found, _with_horizon(found, name), placed)


def _with_horizon(found: Reproduction, name: str) -> Mapping[int, Planned]:
    """Return the cells whose first injection is drawn over a horizon, by index."""
    return {
        index: one
        for index, one in enumerate(found.plan)
        if one.cell.injection == name
        and one.scenario.sweep.horizon_ms
        and one.scenario.injections
        and isinstance(one.scenario.injections[0].delay_ms, Draw)
    }


def _counted(
    found: Reproduction, cells: Mapping[int, Planned], placed: Callable[[Cell, float], Cell]
) -> Iterator[CellResult]:
    counts: dict[Cell, list[int]] = {}
    steps: dict[tuple[float, int], int] = {}
    for index, trial, failed in found.rows:
        planned = cells.get(index)
        if planned is None:
            continue
        luck = (planned.cell.value, trial)  # guards and runtimes share their luck
        if luck not in steps:
            steps[luck] = _step(planned, trial, found.task.seed)
        width = (planned.scenario.sweep.horizon_ms or 0.0) / OFFSET_BINS
        count = counts.setdefault(placed(planned.cell, (steps[luck] + 0.5) * width), [0, 0])
        count[0] += failed
        count[1] += 1
    for cell, (failures, trials) in counts.items():
        low, high = rate_interval(failures, trials)
        yield CellResult(cell, trials, failures, 0, failures / trials, low, high)


def _step(planned: Planned, trial: int, seed: int) -> int:
    """Return in which step of the horizon the injection of a trial comes."""
    name, _, value = planned.group
    resolved, _ = trial_of(planned.scenario, (name, value), seed, trial)
    share = require_number(resolved.injections[0].delay_ms) / (
        planned.scenario.sweep.horizon_ms or 1.0
    )
    return min(int(share * OFFSET_BINS), OFFSET_BINS - 1)
