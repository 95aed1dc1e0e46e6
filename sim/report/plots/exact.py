"""Exact failure rates against the axis of a sweep: lines, and sampled rates on them."""

from collections.abc import Mapping, Sequence
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
from sim.report.text.exact import alike, what_is_drawn
from sim.sweep.exact.reproduce import ExactLine, ExactReproduction

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def exact_by_axis(
    lines: Sequence[ExactLine], samples: Sequence[CellResult], title: str, note: str
) -> "Figure":
    """Draw exact rates against the axis of a sweep: a panel per runtime.

    lines: of one scenario. Guards with the same rates share a line; where the axis is no time there
    are points only. samples: rates of trials of the same scenario, drawn with their intervals.
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
        small = "Lines: exact rates."
        if samples:
            small += f" Marks: n = {samples[0].trials:,} trials each, with 95 % intervals."
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
    for group in alike(lines):
        look = styles[group[0].guard]
        points = [(one.value, one.rate) for one in group[0].points]
        points = points or [(one.cell.value, one.found.rate) for one in group[0].cells]
        marker = "" if group[0].points else look.marker
        style = line_style(look) | {"marker": marker, "linewidth": 1.4 if group[0].points else 0}
        axes.plot([x for x, _ in points], [100 * float(rate) for _, rate in points], **style)
        label = ", ".join(plain(line.guard, 32) for line in group)
        handles.append(handle(wrap(label, 190, 8, 120), look))
        for line in group:
            _sampled(axes, line, samples, styles[line.guard])
    values = sorted({one.cell.value for line in lines for one in line.cells})
    labels = tick_labels(values)
    room = (values[-1] - values[0] or 1.0) / 40
    axes.set_xlim(values[0] - room, values[-1] + room)
    axes.set_xticks([values[index] for index in labels], list(labels.values()))
    rate_axis(axes, FAILING)
    axes.legend(handles=handles, frameon=False, loc="best", fontsize=7)


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
