"""Which pictures a reproduction gets, and where they go."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from rich.table import Table

from sim.model.results import CellResult
from sim.model.scenario import Scenario
from sim.report.plots.before_after import before_and_after
from sim.report.plots.canvas import save, to_svg
from sim.report.plots.heat import heat_map
from sim.report.plots.measures import shares
from sim.report.plots.offsets import OFFSET_BINS, along_offsets, by_offset
from sim.report.plots.rates import rate_by_axis
from sim.report.plots.states import timeline_parts
from sim.report.plots.timelines import timeline
from sim.report.plots.views import offsets_view, pairs_view, rates_view, shares_view, timeline_view
from sim.report.trace.events import connection_of
from sim.runs.subject import Record, scenario_or_none
from sim.sweep.reproduce import Reproduction, failing_run
from sim.sweep.summary import AFTER, BEFORE, over_axis
from sim.workers.pool import open_pool

if TYPE_CHECKING:
    from matplotlib.figure import Figure

BY_OFFSET = ", by its offset"
Drawn = TypeVar("Drawn")


@dataclass(frozen=True, slots=True)
class Picture:
    """A figure that was not drawn yet. name: of its files, without the suffix.

    title, note: what stands above and below. draw: draws it. view: makes a table of what it shows.
    """

    name: str
    title: str
    note: str
    draw: Callable[[], "Figure"]
    view: Callable[[], Table]


class Figures(Mapping[str, "Figure"]):
    """Figures by name, each drawn when it is asked for."""

    def __init__(self, pictures: Iterable[Picture]) -> None:
        self._pictures = {one.name: one for one in pictures}

    def __getitem__(self, name: str) -> "Figure":
        return self._pictures[name].draw()

    def __iter__(self) -> Iterator[str]:
        return iter(self._pictures)

    def __len__(self) -> int:
        return len(self._pictures)


def figures(found: Reproduction | Record) -> Figures:
    """Return the figures of a reproduction or of one run, for notebooks: drawn when asked for.

    Of a reproduction by the names of the files that `wsrace reproduce` writes (`rate-*` and so
    on). A run has "timeline", or nothing if all of it happens at one time. Raises KeyError for a
    name that is not there.
    """
    return Figures(pictures_of(found))


def draw_all(found: Reproduction, folder: Path, workers: int = 1) -> list[Path]:
    """Draw every picture of a reproduction into `folder`, as PNG and SVG; return the PNG files.

    The same reproduction gives the same bytes. Makes the folder if need be. workers: processes.
    Raises OSError if a file cannot be written.
    """
    return in_parts(partial(_save_some, found, folder), workers)


def svgs_of(found: Reproduction, workers: int = 1) -> dict[str, str]:
    """Draw every picture of a reproduction as SVG, by its name. workers: processes."""
    return dict(in_parts(partial(_some_svgs, found), workers))


def in_parts(draw: Callable[[int, int], list[Drawn]], workers: int) -> list[Drawn]:
    """Return what `draw` gives for each of so many parts, on as many processes.

    draw: is given the number of its part, and how many there are.
    """
    if workers == 1:
        return draw(0, 1)
    with open_pool(workers) as pool:
        parts = [pool.submit(draw, part, workers) for part in range(workers)]
        return [one for part in parts for one in part.result()]


def _save_some(found: Reproduction, folder: Path, part: int, parts: int) -> list[Path]:
    pictures = pictures_of(found)[part::parts]
    return [save(one.draw(), folder, one.name)[0] for one in pictures]


def _some_svgs(found: Reproduction, part: int, parts: int) -> list[tuple[str, str]]:
    return [(one.name, to_svg(one.draw())) for one in pictures_of(found)[part::parts]]


def pictures_of(found: Reproduction | Record) -> list[Picture]:
    """Return what there is to be drawn of a reproduction or a run, the same every time."""
    if isinstance(found, Record):
        drawn = timeline_of(found, "timeline", _told(found), f"digest {found.digest[:12]}")
        return [drawn] if drawn is not None else []
    return list(_pictures(found))


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
        shown = whole.pairs, whole.results
        yield Picture(
            "before-and-after",
            title,
            note,
            partial(before_and_after, *shown, title, note),
            partial(pairs_view, *shown),
        )
    for cell, _ in found.tokens:
        if (one := _timeline(found, cell, stems[found.plan[cell].cell.injection])) is not None:
            yield one


def _of_scenario(
    found: Reproduction, scenario: Scenario, results: Sequence[CellResult], stem: str
) -> Iterator[Picture]:
    title = ": ".join(filter(None, (scenario.name, scenario.title)))
    unreal = ". All of it is counterfactual." if _unreal(results) == results else ""

    def picture(
        kind: str,
        plot: Callable[[Sequence[CellResult], str, str], "Figure"],
        view: Callable[[Sequence[CellResult]], Table],
        shown: Sequence[CellResult],
        note: str,
        more: str = "",
    ) -> Picture:
        whole = f"{title}{more}"
        draw = partial(plot, shown, whole, note)
        return Picture(f"{kind}-{stem}", whole, note, draw, partial(view, shown))

    yield picture(
        "rate", rate_by_axis, rates_view, results, _note(found, results, "point") + unreal
    )
    if any(one.do == "state-change" for one in scenario.injections):
        compared = [one for one in results if one.cell.guard in (BEFORE, AFTER)] or results
        note = _note(found, results, "value") + unreal
        yield picture("shares", shares, shares_view, compared, note)
    binned = list(by_offset(found, scenario.name))
    if any(one.failures for one in binned):
        cell = binned[0].cell
        bins = (
            f"Offset: how long after the probe {cell.probe} the injection comes, in "
            f"{OFFSET_BINS} equal steps; {cell.runtime}."
        )
        note = f"{_note(found, results, 'row')}{unreal or '.'} {bins}"
        yield picture("heat", heat_map, offsets_view, binned, note, BY_OFFSET)
    along = list(along_offsets(found, scenario.name))
    if any(one.failures for one in along):
        note = f"{_note(found, along, 'point')}, all values of {scenario.sweep.axis} together"
        note += unreal
        yield picture("offset", rate_by_axis, rates_view, along, note, BY_OFFSET)


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


def _timeline(found: Reproduction, cell: int, stem: str) -> Picture | None:
    """Return the picture of a failing run of a cell, None if it has nothing to show."""
    planned, trial = found.plan[cell], found.summary.failing[cell]
    record = failing_run(planned, trial, found.task.seed)
    one = planned.cell
    title = f"One failing run: {one.injection}, {one.guard}, {one.runtime}"
    small = f"trial {trial}, seed {found.task.seed}, digest {record.digest[:12]}"
    return timeline_of(record, f"timeline-{stem}", title, small)


def timeline_of(record: Record, name: str, title: str, note: str) -> Picture | None:
    """Return the states of a run over time, None if they show nothing.

    That is so where all of it happens at one time, in turns of the loop: an axis of time would hide
    the order that matters. `wsrace replay` tells it.
    """
    connection = connection_of(record)
    told = timeline_parts(record, connection)
    lanes, marks, _ = told
    if not lanes or len({mark.time_ms for mark in marks}) < 2:
        return None
    note = f"connection {connection}, {note}"
    return Picture(
        name,
        title,
        note,
        partial(timeline, *told, title, note),
        partial(timeline_view, *told),
    )


def _told(record: Record) -> str:
    scenario = scenario_or_none(record.subject)
    if scenario is None:
        return f"{record.subject.words()}: {record.outcome.label}"
    parts = (scenario.name, record.subject.label, scenario.runtime, record.outcome.label)
    return ", ".join(filter(None, parts))
