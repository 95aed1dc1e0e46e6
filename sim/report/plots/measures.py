"""How many runs fail, leave at the final check or lose a message."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from sim.model.results import CellResult
from sim.report.plots.canvas import (
    SMALL,
    finish,
    grid_of,
    head,
    rate_axis,
    rotation,
    settings,
    wrap,
)
from sim.report.plots.looks import tick_labels, whiskers
from sim.report.plots.panels import PLACE, Panel, keyed, one_axis, panels
from sim.stats.intervals import rate_interval

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MEASURES: tuple[tuple[str, str, str, Callable[[CellResult], int]], ...] = (
    ("fail", "#D55E00", "", lambda one: one.failures),
    (
        "leave at the final check",
        "#56B4E9",
        "////",
        lambda one: one.outcomes.get("guard_break_final", 0),
    ),
    ("lose a message", "#222222", "", lambda one: one.lost),
)
"""What `shares` counts: its name, colour, hatch and how many trials."""


def shares(results: Sequence[CellResult], title: str, note: str) -> "Figure":
    """Draw how many runs fail, leave at the final check, or lose a message: bars per axis value.

    A panel per guard, and per runtime, mode and so on where results differ in them. The three can
    overlap, since a run that fails may have lost a message, so they stand side by side.
    Raises ValueError if there are no results, if they are of several axes, or if there are two for
    the same value and panel.
    """
    label = one_axis(results)
    shown = panels(results, "guard", *PLACE)
    values = sorted({one.cell.value for one in results})
    width = min(max(0.3 * len(values) + 0.8, 2.0), 4.5)
    with settings():
        from matplotlib.patches import Patch

        figure, grid = grid_of(len(shown), 4, (width, 2.0), 2.0)
        for panel, axes in zip(shown, grid, strict=True):
            _share_panel(axes, panel, values)
            head(axes, panel.title, width)
            axes.set_xlabel(wrap(label, 72 * width - 40, 9, 80))
        handles = [
            Patch(facecolor=colour, edgecolor="white", hatch=hatch, label=name)
            for name, colour, hatch, _ in MEASURES
        ]
        figure.legend(handles=handles, loc="outside right center", frameon=False)
        small = "A run can count under more than one. Whiskers: 95 % intervals."
        return finish(figure, title, note, small)


def _share_panel(axes: "Axes", panel: Panel, values: Sequence[float]) -> None:
    by_value = keyed(panel.results, "value")
    found = {place: by_value[value,] for place, value in enumerate(values) if (value,) in by_value}
    for index, (_, colour, hatch, count) in enumerate(MEASURES):
        across = [place + 0.28 * (index - 1) for place in found]
        rates = [
            (count(one) / max(one.trials, 1), *rate_interval(count(one), one.trials))
            for one in found.values()
        ]
        heights = [100 * rate for rate, _, _ in rates]
        axes.bar(across, heights, width=0.28, color=colour, hatch=hatch, edgecolor="white")
        axes.errorbar(
            across, heights, yerr=whiskers(rates), fmt="none", ecolor="#777777", elinewidth=0.7
        )
    axes.set_xlim(-0.6, len(values) - 0.4)
    labels = tick_labels(values)
    axes.set_xticks(list(labels), list(labels.values()))
    axes.tick_params(axis="x", labelsize=SMALL, rotation=rotation(values))
    rate_axis(axes, "runs (%)")
