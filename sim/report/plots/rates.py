"""Failure rates against the axis of a sweep."""

from collections.abc import Mapping, Sequence
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
    settings,
    wrap,
)
from sim.report.plots.looks import (
    CLOSED_FORM,
    Look,
    looks,
    positions,
    side_by_side,
    tick_labels,
    to_scale,
    whiskers,
)
from sim.report.plots.panels import PLACE, Panel, guard_labels, keyed, one_axis, panels

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def rate_by_axis(results: Sequence[CellResult], title: str, note: str) -> "Figure":
    """Draw failure rates against the axis of a sweep: a line per guard, a panel per runtime.

    results: of one axis. Whiskers are the intervals, a dashed line is the closed form. Where
    results differ in more than the runtime (mode, injection, server and so on), each combination
    has its panel. note: stands below in small print.
    Raises ValueError if there are no results, if they are of several axes, or if there are two for
    the same guard, value and panel.
    """
    label = one_axis(results)
    names = guard_labels(results)
    styles = looks(names)
    shown = panels(results, "runtime", *PLACE)
    places = positions(one.cell.value for one in results)
    with settings():
        figure, grid = grid_of(len(shown), 3, (4.1, 3.3), 1.8)
        for panel, axes in zip(shown, grid, strict=True):
            _rate_panel(axes, panel, styles, places)
            head(axes, panel.title, 4.1)
            axes.set_xlabel(wrap(label, 72 * 4.1 - 40, 9, 80))
        handles = [handle(names[guard], styles[guard]) for guard in names]
        small = "Whiskers: 95 % intervals. Guards stand side by side at each value."
        if not to_scale(places):
            small += " Values are evenly spaced, not to scale."
        if any(one.closed_form is not None for one in results):
            handles.append(handle("closed form", CLOSED_FORM))
            small += " Thin dashes: the rate computed beforehand."
        figure.legend(handles=handles, loc="outside right center", frameon=False, title="guard")
        return finish(figure, title, note, small)


def _rate_panel(
    axes: "Axes", panel: Panel, styles: Mapping[str, Look], places: Mapping[float, float]
) -> None:
    by_guard = keyed(panel.results, "guard", "value")
    middles = list(places.values())
    shifts, margin = side_by_side(middles, len(styles))
    drawn: set[tuple[tuple[float, float], ...]] = set()
    for (guard, look), shift in zip(styles.items(), shifts, strict=True):
        line = [by_guard[guard, value] for value in places if (guard, value) in by_guard]
        axes.errorbar(
            [places[one.cell.value] + shift for one in line],
            [100 * one.rate for one in line],
            yerr=whiskers([(one.rate, one.low, one.high) for one in line]),
            elinewidth=0.8,
            capsize=1.8,
            **line_style(look),
        )
        formula = tuple(
            (places[one.cell.value], 100 * one.closed_form)
            for one in line
            if one.closed_form is not None
        )
        if formula and formula not in drawn:
            drawn.add(formula)
            axes.plot(*zip(*formula, strict=True), **(line_style(CLOSED_FORM) | {"zorder": 3}))
    axes.set_xlim(middles[0] - margin, middles[-1] + margin)
    labels = tick_labels(list(places))
    axes.set_xticks([middles[index] for index in labels], list(labels.values()))
    rate_axis(axes, FAILING)
