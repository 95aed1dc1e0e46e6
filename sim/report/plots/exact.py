"""Exact failure rates against the axis of a sweep: lines, and sampled rates on them."""

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import replace
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING

from sim.model.results import CellResult
from sim.report.plots.canvas import (
    FAILING,
    finish,
    grid_of,
    handle,
    head,
    line_style,
    rate_axis,
    save,
    settings,
    wrap,
)
from sim.report.plots.looks import Look, axis_label, looks, plain, tick_labels, whiskers
from sim.report.plots.pictures import file_names
from sim.report.text.exact import what_is_drawn
from sim.sweep.exact.reproduce import ExactLine, ExactReproduction

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SEEN = 0.002
"""Rates that differ by less are one line."""


def exact_by_axis(
    lines: Sequence[ExactLine], samples: Sequence[CellResult], title: str, note: str
) -> "Figure":
    """Draw exact rates against the axis of a sweep: a panel per runtime.

    lines: of one scenario. Guards with nearly the same rates share a line; where the axis is no
    time there are points only. samples: rates of trials of the same scenario, drawn with their
    intervals.
    Raises ValueError if there are no lines.
    """
    if not lines:
        raise ValueError("no rates to draw")
    first = lines[0].cells[0].cell
    styles = looks(dict.fromkeys(line.guard for line in lines))
    runtimes = list(dict.fromkeys(line.runtime for line in lines))
    with settings():
        figure, grid = grid_of(len(runtimes), 3, (4.6, 3.6), 0.2)
        for runtime, axes in zip(runtimes, grid, strict=True):
            _panel(axes, [line for line in lines if line.runtime == runtime], samples, styles)
            head(axes, plain(runtime, 32), 4.6)
            axes.set_xlabel(wrap(axis_label(first.axis, first.unit), 72 * 4.6 - 40, 9, 80))
        small = "Lines: exact rates." if lines[0].points else "Exact rates."
        if samples:
            small += f" Marks: n = {samples[0].trials:,} trials each, with 95 % intervals."
        small += f" Guards that differ by less than {100 * SEEN:g} points share a line."
        return finish(figure, title, note, small)


def draw_exact(found: ExactReproduction, samples: Sequence[CellResult], folder: Path) -> list[Path]:
    """Draw a picture for each scenario into `folder`, as PNG and SVG; return the PNG files.

    The same rates give the same bytes. Raises OSError if a file cannot be written.
    """
    stems = file_names(scenario.name for scenario in found.scenarios)
    paths = []
    for scenario in found.scenarios:
        lines = [line for line in found.lines if line.injection == scenario.name and line.cells]
        if lines:
            title = ": ".join(filter(None, (scenario.name, scenario.title)))
            unreal = all(one.cell.counterfactual for line in lines for one in line.cells)
            note = what_is_drawn(scenario) + (". All of it is counterfactual" if unreal else "")
            mine = [one for one in samples if one.cell.injection == scenario.name]
            figure = exact_by_axis(lines, mine, title, note)
            paths.append(save(figure, folder, f"exact-{stems[scenario.name]}")[0])
    return paths


def _panel(
    axes: "Axes",
    lines: Sequence[ExactLine],
    samples: Sequence[CellResult],
    styles: Mapping[str, Look],
) -> None:
    handles = []
    for group in _together(lines):
        look = styles[group[0].guard]
        if group[0].points:
            shown = look if samples else replace(look, marker="")
            style = line_style(look) | {"marker": "", "linewidth": 1.4}
        else:
            shown = replace(look, line="none")
            style = line_style(shown)
        points = _points(group[0])
        axes.plot([x for x, _ in points], [100 * rate for _, rate in points], **style)
        label = ", ".join(plain(line.guard, 32) for line in group)
        handles.append(handle(wrap(label, 190, 8, 120), shown))
        for line in group:
            _sampled(axes, line, samples, styles[line.guard])
    values = sorted({one.cell.value for line in lines for one in line.cells})
    labels = tick_labels(values)
    room = (values[-1] - values[0] or 1.0) / 40
    axes.set_xlim(values[0] - room, values[-1] + room)
    axes.set_xticks([values[index] for index in labels], list(labels.values()))
    rate_axis(axes, FAILING)
    axes.legend(handles=handles, frameon=False, loc="best", fontsize=7)


def _points(line: ExactLine) -> list[tuple[float, float]]:
    """Return what is drawn of a line: its points, else the rates at the sweep's values."""
    found = [(one.value, float(one.rate)) for one in line.points]
    return found or [(one.cell.value, float(one.found.rate)) for one in line.cells]


def _together(lines: Sequence[ExactLine]) -> list[list[ExactLine]]:
    """Return lines in groups that nobody could tell apart in a picture."""
    groups: list[list[ExactLine]] = []
    for line in lines:
        for group in groups:
            if _differ(_points(line), _points(group[0])) < SEEN:
                group.append(line)
                break
        else:
            groups.append([line])
    return groups


def _differ(line: Sequence[tuple[float, float]], other: Sequence[tuple[float, float]]) -> float:
    """Return the greatest difference of two polylines, which is at a point of one of them."""
    values = {value for value, _ in (*line, *other)}
    return max(abs(_rate_at(line, value) - _rate_at(other, value)) for value in values)


def _rate_at(line: Sequence[tuple[float, float]], value: float) -> float:
    """Return the rate of a polyline at a value."""
    index = min(max(bisect_left(line, value, key=itemgetter(0)), 1), len(line) - 1)
    (left, low), (right, high) = line[max(index - 1, 0)], line[index]
    return low + (high - low) * (value - left) / ((right - left) or 1.0)


def _sampled(axes: "Axes", line: ExactLine, samples: Sequence[CellResult], look: Look) -> None:
    """Draw what trials of a line came to."""
    found = [
        one
        for one in samples
        if (one.cell.injection, one.cell.guard, one.cell.runtime)
        == (line.injection, line.guard, line.runtime)
    ]
    if found:
        axes.errorbar(
            [one.cell.value for one in found],
            [100 * one.rate for one in found],
            yerr=whiskers([(one.rate, one.low, one.high) for one in found]),
            elinewidth=0.8,
            capsize=1.8,
            **(line_style(look) | {"linestyle": "none"}),
        )
