"""Which pictures a reproduction gets, and where they go."""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from sim.model.results import CellResult
from sim.model.scenario import Scenario
from sim.playing import Record
from sim.report import plots
from sim.report.offsets import OFFSET_BINS, along_offsets, by_offset
from sim.report.story import story
from sim.sweep.reproduce import Reproduction, failing_run
from sim.sweep.summary import AFTER, BEFORE, over_axis

Picture = tuple[str, Callable[[], Any]]
"""The name of its files without the suffix, and what draws the figure, or None if there is none."""


def draw_all(found: Reproduction, folder: Path, workers: int = 1) -> list[Path]:
    """Draw every picture of a reproduction into `folder`, as PNG and SVG; return the PNG files.

    The same reproduction gives the same bytes. Makes the folder if need be. workers: processes.
    Raises OSError if a file cannot be written.
    """
    if workers == 1:
        return draw_some(found, folder, 0, 1)
    with ProcessPoolExecutor(workers, get_context("spawn")) as pool:
        parts = [pool.submit(draw_some, found, folder, part, workers) for part in range(workers)]
        return [path for part in parts for path in part.result()]


def draw_some(found: Reproduction, folder: Path, part: int, parts: int) -> list[Path]:
    """Draw every picture whose number leaves the remainder `part` when divided by `parts`."""
    paths = []
    for number, (stem, draw) in enumerate(_pictures(found)):
        figure = draw() if number % parts == part else None
        if figure is not None:
            paths.append(plots.save(figure, folder, stem)[0])
    return paths


def _pictures(found: Reproduction) -> Iterator[Picture]:
    stems = file_names(scenario.name for scenario in found.scenarios)
    for scenario in found.scenarios:
        results = [one for one in found.summary.results if one.cell.injection == scenario.name]
        if results:
            yield from _of_scenario(found, scenario, results, stems[scenario.name])
    if found.summary.pairs:
        whole = over_axis(found.summary)
        title = "What the published fix changes, all trials over the axis together"
        both = [one for one in whole.results if one.cell.guard in (BEFORE, AFTER)]
        note = _note(found, both, "bar")
        if unreal := {f"{one.cell.guard} on {one.cell.runtime}" for one in _unreal(both)}:
            note += f". Counterfactual: {', '.join(sorted(unreal))}."
        yield (
            "before-and-after",
            partial(plots.before_and_after, whole.pairs, whole.results, title, note),
        )
    for cell, _ in found.tokens:
        stem = stems[found.plan[cell].cell.injection]
        yield f"timeline-{stem}", partial(_timeline, found, cell)


def _of_scenario(
    found: Reproduction, scenario: Scenario, results: Sequence[CellResult], stem: str
) -> Iterator[Picture]:
    title = ": ".join(filter(None, (scenario.name, scenario.title)))
    unreal = ". All of it is counterfactual." if _unreal(results) == results else ""
    note = _note(found, results, "point") + unreal
    yield f"rate-{stem}", partial(plots.rate_by_axis, results, title, note)
    if any(one.do == "state-change" for one in scenario.injections):
        compared = [one for one in results if one.cell.guard in (BEFORE, AFTER)]
        note = _note(found, results, "value") + unreal
        yield f"shares-{stem}", partial(plots.shares, compared or results, title, note)
    binned = list(by_offset(found, scenario.name))
    if any(one.failures for one in binned):
        cell = binned[0].cell
        bins = (
            f"Offset: how long after the probe {cell.probe} the injection comes, in "
            f"{OFFSET_BINS} equal steps; {cell.runtime}."
        )
        note = f"{_note(found, results, 'row')}{unreal or '.'} {bins}"
        yield f"heat-{stem}", partial(plots.heat_map, binned, f"{title}, by its offset", note)
    along = list(along_offsets(found, scenario.name))
    if any(one.failures for one in along):
        note = f"{_note(found, along, 'point')}, all values of {scenario.sweep.axis} together"
        note += unreal
        yield f"offset-{stem}", partial(plots.rate_by_axis, along, f"{title}, by its offset", note)


def file_names(names: Iterable[str]) -> dict[str, str]:
    """Return what stands for each name in the names of files: plain, short and distinct."""
    found: dict[str, str] = {}
    for name in dict.fromkeys(names):
        plain = re.sub(r"[^\w.-]+", "-", name)[:50].strip("-.") or "unnamed"
        taken = {one.casefold() for one in found.values()}
        numbers = iter(range(2, len(taken) + 3))
        stem = plain
        while stem.casefold() in taken:
            stem = f"{plain}-{next(numbers)}"
        found[name] = stem
    return found


def _note(found: Reproduction, results: Iterable[CellResult], each: str) -> str:
    """Return how many trials stand behind each point, bar or row, and what repeats them."""
    trials = sorted({one.trials for one in results})
    shown = f"{trials[0]:,}" if len(trials) == 1 else f"{trials[0]:,} to {trials[-1]:,}"
    digest = found.summary.digest[:12]
    note = f"n = {shown} trials per {each}, seed {found.task.seed}, digest {digest}"
    if any(one.cell.runtime in ("trio", "any-order") for one in found.summary.results):
        note += ". Under trio and any-order the order is drawn: such a rate is no probability"
    return note


def _unreal(results: Iterable[CellResult]) -> list[CellResult]:
    return [one for one in results if one.cell.counterfactual]


def _timeline(found: Reproduction, cell: int) -> Any:
    """Return the picture of a failing run of a cell, None if it has nothing to show.

    That is so where all of it happens at one time, in turns of the loop: an axis of time would hide
    the order that matters. `wsrace replay` tells it.
    """
    planned, trial = found.plan[cell], found.summary.failing[cell]
    record = failing_run(planned, trial, found.task.seed)
    connection = _failing_connection(record)
    lanes, marks, spans = story(record, connection)
    if not lanes or len({mark.time_ms for mark in marks}) < 2:
        return None
    one = planned.cell
    title = f"One failing run: {one.injection}, {one.guard}, {one.runtime}"
    small = (
        f"connection {connection}, trial {trial}, seed {found.task.seed}, "
        f"digest {record.digest[:12]}"
    )
    return plots.timeline(lanes, marks, spans, title, small)


def _failing_connection(record: Record) -> str:
    failing = (one.connection for one in record.outcome.findings if one.failure)
    return next(filter(None, failing), "c1")
