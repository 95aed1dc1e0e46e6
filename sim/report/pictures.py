"""Which pictures a reproduction gets, and where they go."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from sim.model.results import CellResult
from sim.model.times import Draw, settled
from sim.report import plots
from sim.report.story import story
from sim.stats.intervals import rate_interval
from sim.sweep.cells import Planned
from sim.sweep.reproduce import Reproduction, failing_run
from sim.sweep.summary import AFTER, BEFORE, over_axis
from sim.sweep.trials import trial_of

OFFSET_BINS = 8


def draw_all(found: Reproduction, folder: Path) -> list[Path]:
    """Draw every picture of a reproduction into `folder`; return the PNG files."""
    paths: list[Path] = []
    note = _note(found)
    for scenario in found.scenarios:
        results = [one for one in found.summary.results if one.cell.injection == scenario.name]
        if not results:
            continue
        title = f"{scenario.name}: {scenario.title}"
        paths.append(_save(plots.rate_by_axis(results, title, note), folder, "rate", scenario.name))
        if any(one.do == "state-change" for one in scenario.injections):
            compared = [one for one in results if one.cell.guard in (BEFORE, AFTER)]
            picture = plots.shares(compared or results, title, note)
            paths.append(_save(picture, folder, "shares", scenario.name))
        binned = list(by_offset(found, scenario.name))
        if binned:
            picture = plots.heat_map(binned, f"{title}: where in the loop", note)
            paths.append(_save(picture, folder, "offset", scenario.name))
    if found.summary.pairs:
        whole = over_axis(found.summary)
        title = "What the published fix changes, all trials over the axis together"
        picture = plots.before_and_after(whole.pairs, whole.results, title, note)
        paths.append(_save(picture, folder, "before", "and-after"))
    paths += [_timeline(found, cell, note, folder) for cell, _ in found.tokens]
    return paths


def _note(found: Reproduction) -> str:
    trials = {one.trials for one in found.summary.results}
    shown = str(*trials) if len(trials) == 1 else f"{min(trials)} to {max(trials)}"
    return (
        f"n = {shown} trials per point, seed {found.task.seed}, digest {found.summary.digest[:12]}"
    )


def _save(picture: object, folder: Path, kind: str, name: str) -> Path:
    png, _ = plots.save(picture, folder, f"{kind}-{name}")  # type: ignore[arg-type]
    return png


def _timeline(found: Reproduction, cell: int, note: str, folder: Path) -> Path:
    planned, trial = found.plan[cell], found.summary.failing[cell]
    record = failing_run(planned, trial, found.task.seed)
    lanes, marks, spans = story(record)
    one = planned.cell
    title = f"One failing run: {one.injection}, {one.guard}, {one.runtime}"
    small = f"trial {trial}, seed {found.task.seed}, digest {record.digest[:12]}"
    return _save(
        plots.timeline(lanes, marks, spans, title, small), folder, "timeline", one.injection
    )


def by_offset(found: Reproduction, name: str) -> Iterator[CellResult]:
    """Yield the cells of a scenario once more, by when the injection came after its probe.

    The times were drawn per trial, so no further run is needed. Only the window's own axis makes
    sense here, under one runtime and the guards that a reader compares.
    """
    cells = {
        index: planned
        for index, planned in enumerate(found.plan)
        if planned.cell.injection == name
        and planned.cell.axis == "window_ms"
        and planned.cell.runtime == found.plan[0].cell.runtime
        and planned.cell.guard in ("pre-fix", "post-fix", "both-states", "catch")
    }
    counts: dict[tuple[int, int], list[int]] = {}
    for index, trial, failed in found.rows:
        planned = cells.get(index)
        place = _bin(planned, trial, found.task.seed) if planned is not None else None
        if place is not None:
            count = counts.setdefault((index, place), [0, 0])
            count[0] += failed
            count[1] += 1
    for (index, place), (failures, trials) in sorted(counts.items()):
        planned = cells[index]
        width = (planned.scenario.sweep.horizon_ms or 0) / OFFSET_BINS
        low, high = rate_interval(failures, trials)
        cell = replace(planned.cell, offset_ms=(place + 0.5) * width)
        yield CellResult(cell, trials, failures, 0, failures / trials, low, high)


def _bin(planned: Planned, trial: int, seed: int) -> int | None:
    scenario = planned.scenario
    horizon = scenario.sweep.horizon_ms
    if not horizon or not scenario.injections:
        return None
    if not isinstance(scenario.injections[0].delay_ms, Draw):
        return None
    name, _, value = planned.group
    resolved, _ = trial_of(scenario, (name, value), seed, trial)
    place = int(settled(resolved.injections[0].delay_ms) / horizon * OFFSET_BINS)
    return min(place, OFFSET_BINS - 1)
