"""Failure rates by the offset of the injection and the window."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from sim.model.results import CellResult
from sim.report.plots.canvas import (
    FAILING,
    SMALL,
    finish,
    grid_of,
    head,
    is_first,
    rotation,
    settings,
)
from sim.report.plots.looks import percent, tick_labels
from sim.report.plots.panels import PLACE, Panel, keyed, panels

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.collections import QuadMesh
    from matplotlib.figure import Figure


def heat_map(results: Sequence[CellResult], title: str, note: str) -> "Figure":
    """Draw failure rates as colours: the offset of the injection against the window, in ms.

    A panel per guard, and per runtime, mode and so on where results differ in them; each place is
    as large as the others, however far apart the values are. The figures stand in the places if
    there are at most twelve each way.
    Raises ValueError if there are no results, if one has no offset_ms or no window_ms, or if there
    are two for the same place.
    """
    if not results:
        raise ValueError("no results to draw")
    if any(one.cell.offset_ms is None or one.cell.window_ms is None for one in results):
        raise ValueError("a heat map needs offset_ms and window_ms in every cell")
    across = sorted({one.cell.offset_ms or 0.0 for one in results})
    up = sorted({one.cell.window_ms or 0.0 for one in results})
    shown = panels(results, "guard", *PLACE)
    size = (min(max(0.31 * len(across), 1.6), 4.5) + 0.6, min(max(0.24 * len(up), 1.3), 4.0) + 0.7)
    with settings():
        figure, grid = grid_of(len(shown), 4, size, 1.0)
        for panel, axes in zip(shown, grid, strict=True):
            mesh = _heat_panel(axes, panel, across, up)
            axes.set_xlabel("offset (ms)")
            head(axes, panel.title, size[0])
            if is_first(axes):
                axes.set_ylabel("window (ms)")
        figure.colorbar(mesh, ax=grid, label=FAILING, aspect=30, pad=0.01)
        places = sum(
            len({(one.cell.offset_ms, one.cell.window_ms) for one in each.results})
            for each in shown
        )
        empty = places < len(shown) * len(across) * len(up)
        return finish(figure, title, note, "Grey: no trials there." if empty else "")


def _heat_panel(
    axes: "Axes", panel: Panel, across: Sequence[float], up: Sequence[float]
) -> "QuadMesh":
    from matplotlib import colormaps

    by_place = keyed(panel.results, "offset_ms", "window_ms")
    found = [[by_place.get((offset, window)) for offset in across] for window in up]
    rates = [[math.nan if one is None else 100 * one.rate for one in line] for line in found]
    palette = colormaps["cividis"]
    axes.set_facecolor("#dddddd")
    mesh = axes.pcolormesh(
        _edges(across), _edges(up), rates, cmap=palette, vmin=0, vmax=100, linewidth=0
    )
    _name_places(axes, across, up)
    if max(len(across), len(up)) <= 12:
        for y, line in enumerate(found):
            for x, one in enumerate(line):
                if one is not None:
                    ink = "white" if one.rate < 0.55 else "black"
                    axes.text(x, y, percent(one.rate), color=ink, size=6, ha="center", va="center")
    return mesh


def _edges(values: Sequence[float]) -> list[float]:
    return [index - 0.5 for index in range(len(values) + 1)]


def _name_places(axes: "Axes", across: Sequence[float], up: Sequence[float]) -> None:
    for values, axis in ((across, axes.xaxis), (up, axes.yaxis)):
        labels = tick_labels(values)
        axis.set_ticks(list(labels), list(labels.values()))
    axes.tick_params(axis="x", labelsize=SMALL, rotation=rotation(across))
    axes.tick_params(axis="y", labelsize=SMALL)
