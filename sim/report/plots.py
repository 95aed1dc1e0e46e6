"""The figures, and the only module that imports matplotlib: inside functions, when one is drawn.

Every figure is a `matplotlib.figure.Figure` of its own, never pyplot's. The look does not depend
on anybody's matplotlibrc, and no text is ever read as mathematics.
"""

import math
import textwrap
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from sim.model.results import CellResult, PairResult
from sim.report.lanes import Lane, Layout, Mark, Span, lay_out
from sim.report.looks import (
    CLOSED_FORM,
    SETTINGS,
    TINTS,
    Look,
    looks,
    percent,
    plain,
    positions,
    side_by_side,
    signed,
    tick_labels,
    to_scale,
    whiskers,
)
from sim.report.pairs import Row, rows
from sim.report.panels import PLACE, Panel, guard_labels, keyed, one_axis, panels
from sim.stats.intervals import rate_interval

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.collections import QuadMesh
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

__all__ = [
    "Lane",
    "Mark",
    "Span",
    "before_and_after",
    "heat_map",
    "rate_by_axis",
    "save",
    "shares",
    "timeline",
]

FAILING = "runs that fail (%)"
SMALL = 7.0
"""Size of small print, in points."""


def save(figure: "Figure", folder: Path, stem: str) -> tuple[Path, Path]:
    """Write a figure to `folder` as STEM.png (150 dots per inch) and STEM.svg; return the paths.

    The same figure gives the same bytes, today and tomorrow: no date, no version, no chance.
    Makes the folder if need be. Raises ValueError if `stem` is not a plain file name, OSError if
    the files cannot be written.
    """
    if stem in ("", "..") or Path(stem).name != stem:
        raise ValueError(f"not the name of a file: {stem!r}")
    folder.mkdir(parents=True, exist_ok=True)
    png, svg = folder / f"{stem}.png", folder / f"{stem}.svg"
    with _settings():
        figure.savefig(png, format="png", dpi=150, metadata={"Software": None})
        figure.savefig(svg, format="svg", metadata={"Date": None, "Creator": None})
    return png, svg


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
    with _settings():
        figure, grid = _grid(len(shown), 3, (4.1, 3.3), 1.8)
        for panel, axes in zip(shown, grid, strict=True):
            _rate_panel(axes, panel, styles, places)
            _head(axes, panel.title, 4.1)
            axes.set_xlabel(label)
        handles = [_handle(names[guard], styles[guard]) for guard in names]
        small = "Whiskers: 95 % intervals. Guards stand side by side at each value."
        if not to_scale(places):
            small += " Values are evenly spaced, not to scale."
        if any(one.closed_form is not None for one in results):
            handles.append(_handle("closed form", CLOSED_FORM))
            small += " Thin dashes: the rate computed beforehand."
        figure.legend(handles=handles, loc="outside right center", frameon=False, title="guard")
        return _finish(figure, title, note, small)


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
            **_line(look),
        )
        formula = tuple(
            (places[one.cell.value], 100 * one.closed_form)
            for one in line
            if one.closed_form is not None
        )
        if formula and formula not in drawn:
            drawn.add(formula)
            axes.plot(*zip(*formula, strict=True), **(_line(CLOSED_FORM) | {"zorder": 3}))
    axes.set_xlim(middles[0] - margin, middles[-1] + margin)
    labels = tick_labels(list(places))
    axes.set_xticks([middles[index] for index in labels], list(labels.values()))
    _rate_axis(axes, FAILING)


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
    with _settings():
        figure, grid = _grid(len(shown), 4, size, 1.0)
        for panel, axes in zip(shown, grid, strict=True):
            mesh = _heat_panel(axes, panel, across, up)
            axes.set_xlabel("offset (ms)")
            _head(axes, panel.title, size[0])
            if _is_first(axes):
                axes.set_ylabel("window (ms)")
        figure.colorbar(mesh, ax=grid, label=FAILING, aspect=30, pad=0.01)
        return _finish(figure, title, note, "")


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
    axes.tick_params(axis="x", labelsize=SMALL, rotation=_rotation(across))
    axes.tick_params(axis="y", labelsize=SMALL)


def _rotation(values: Sequence[float]) -> float:
    return 90 if max(len(f"{value:g}") for value in values) > 3 else 0


def before_and_after(
    pairs: Sequence[PairResult], results: Sequence[CellResult], title: str, note: str
) -> "Figure":
    """Draw two bars per pair of guards, before and after, and in words how far they are apart.

    pairs: in the order in which they are to be shown, by mode and injection. results: must hold
    the cells of both guards of each pair. The difference has its own paired interval, which is
    narrower than the two bars suggest.
    Raises ValueError if there are no pairs or a result is missing.
    """
    shown = rows(pairs, results)
    styles = looks(dict.fromkeys(name for one in pairs for name in (one.before, one.after)))
    with _settings():
        figure, (axes,) = _grid(1, 1, (9.0, 0.52 * len(shown) + 0.9), 0.0)
        for place, row in enumerate(shown):
            _pair_of_bars(axes, place, row, styles)
        axes.set_yticks(range(len(shown)), [row.label for row in shown])
        axes.tick_params(axis="y", length=0)
        axes.set_ylim(len(shown) - 0.45, -0.55)
        axes.set_xlim(0, 102)
        axes.set_xlabel(FAILING)
        axes.grid(axis="x", color="#dddddd", linewidth=0.6)
        _column(axes, -0.46, "before → after", "difference in points (95 %)")
        axes.legend(
            handles=_pair_handles(pairs, styles),
            loc="lower left",
            bbox_to_anchor=(0, 1),
            ncols=2,
            frameon=False,
        )
        return _finish(figure, title, note, "Whiskers: 95 % intervals of each rate.")


def _pair_of_bars(axes: "Axes", place: int, row: Row, styles: Mapping[str, Look]) -> None:
    pair = row.pair
    for one, guard, shift, hatch in (
        (row.before, pair.before, -0.19, ""),
        (row.after, pair.after, 0.19, "////"),
    ):
        axes.barh(
            place + shift,
            100 * one.rate,
            height=0.36,
            color=styles[guard].colour,
            edgecolor="white",
            hatch=hatch,
        )
        _whisker_across(axes, one, place + shift)
    points = [signed(100 * value) for value in (pair.difference, pair.low, pair.high)]
    rates = f"{percent(row.before.rate)} → {percent(row.after.rate)} %"
    _column(axes, place, rates, f"{points[0]}  ({points[1]} to {points[2]})")


def _whisker_across(axes: "Axes", one: CellResult, place: float) -> None:
    axes.errorbar(
        100 * one.rate,
        place,
        xerr=whiskers([(one.rate, one.low, one.high)]),
        fmt="none",
        ecolor="black",
        elinewidth=0.9,
        capsize=2,
    )


def _column(axes: "Axes", place: float, *texts: str) -> None:
    """Write texts to the right of the axes, at the height of a row."""
    for text, offset in zip(texts, (10, 92), strict=True):
        axes.annotate(
            text,
            (1, place),
            xycoords=("axes fraction", "data"),
            xytext=(offset, 0),
            textcoords="offset points",
            size=8,
            va="center",
            annotation_clip=False,
        )


def _pair_handles(pairs: Sequence[PairResult], styles: Mapping[str, Look]) -> "list[Patch]":
    from matplotlib.patches import Patch

    roles = [("before", "", one.before) for one in pairs]
    roles += [("after", "////", one.after) for one in pairs]
    return [
        Patch(
            facecolor=styles[guard].colour,
            edgecolor="white",
            hatch=hatch,
            label=f"{role}: {plain(guard, 24)}",
        )
        for role, hatch, guard in dict.fromkeys(roles)
    ]


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
    with _settings():
        from matplotlib.patches import Patch

        figure, grid = _grid(len(shown), 4, (width, 2.0), 2.0)
        for panel, axes in zip(shown, grid, strict=True):
            _share_panel(axes, panel, values)
            _head(axes, panel.title, width)
            axes.set_xlabel(_wrap(label, 72 * width - 40, 9, 40))
        handles = [
            Patch(facecolor=colour, edgecolor="white", hatch=hatch, label=name)
            for name, colour, hatch, _ in MEASURES
        ]
        figure.legend(handles=handles, loc="outside right center", frameon=False)
        small = "A run can count under more than one. Whiskers: 95 % intervals."
        return _finish(figure, title, note, small)


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
    axes.tick_params(axis="x", labelsize=SMALL, rotation=_rotation(values))
    _rate_axis(axes, "runs (%)")


TEXT_ROW = 0.36
"""The height of a row of texts in a timeline, where a lane is 1 high."""


def timeline(
    lanes: Sequence[Lane], marks: Sequence[Mark], spans: Sequence[Span], title: str, note: str
) -> "Figure":
    """Draw states over virtual time, in milliseconds: one lane for each thing that has states.

    lanes: from top to bottom, each state written in its segment where it is long enough; the
    others are listed in small print. marks: vertical lines with texts above, down to their lane.
    spans: shaded, with texts below.
    Raises ValueError for a timeline without lanes or times, a time that is not finite, a mark in
    no lane, or a span that ends before it starts.
    """
    with _settings():
        left = max((_text_width(_lane_name(lane), 9) for lane in lanes), default=0) + 16
        page = 720.0
        width = page - left - 12
        layout = lay_out(lanes, marks, spans, lambda text: _text_width(text, 8) + 7, width)
        top = 0.45 + TEXT_ROW * (1 + max((one.row + 1 for one in layout.labels), default=0))
        bottom = len(lanes) - 0.35
        bottom += TEXT_ROW * max((one.row + 1 for one in layout.captions), default=0)
        head = _wrap(title, page - 16, 11, 200)
        foot = _small_print(page - 16, note, _unnamed(lanes, layout))
        above, below = 14 * head.count("\n") + 24, 9 * foot.count("\n") + 50
        tall = 36 * (top + bottom) + above + below
        figure = _figure(page / 72, tall / 72)
        figure.text(8 / page, 1 - 6 / tall, head, size=11, va="top")
        figure.text(8 / page, 6 / tall, foot, size=SMALL, va="bottom")
        axes = figure.add_axes(
            (left / page, below / tall, width / page, 36 * (top + bottom) / tall)
        )
        axes.set_xlim(layout.start_ms, layout.edge_ms)
        axes.set_ylim(bottom, -top)
        axes.set_xlabel("virtual time (ms)")
        axes.set_yticks(range(len(lanes)), [_lane_name(lane) for lane in lanes], size=9)
        axes.tick_params(axis="y", length=0)
        axes.spines["left"].set_visible(False)
        _draw_bars(axes, layout)
        _draw_spans(axes, layout, spans, len(lanes))
        _draw_marks(axes, layout, marks, lanes)
        figure.draw_without_rendering()
        return figure


def _lane_name(lane: Lane) -> str:
    return plain(lane.name, 28)


def _draw_bars(axes: "Axes", layout: Layout) -> None:
    tints: dict[str, str] = {}
    for bar in layout.bars:
        tint = tints.setdefault(bar.state, TINTS[len(tints) % len(TINTS)])
        axes.barh(
            bar.row,
            bar.end_ms - bar.start_ms,
            left=bar.start_ms,
            height=0.62,
            color=tint,
            edgecolor="#333333",
            linewidth=0.7,
        )
        middle = (bar.start_ms + bar.end_ms) / 2
        if bar.text:
            # The box keeps lines that pass from running through the text.
            box = {"facecolor": tint, "edgecolor": "none", "pad": 0.5}
            axes.text(
                middle, bar.row, bar.text, size=8, ha="center", va="center", zorder=5, bbox=box
            )


def _draw_spans(axes: "Axes", layout: Layout, spans: Sequence[Span], count: int) -> None:
    for span, caption in zip(spans, layout.captions, strict=True):
        ends = (span.start_ms, span.end_ms)
        y = count - 0.35 + TEXT_ROW * (caption.row + 0.4)
        axes.fill_between(
            ends, -0.45, y + 0.15, color="#000000", alpha=0.1, linewidth=0, zorder=0.5
        )
        axes.vlines(ends, -0.45, count - 0.5, color="#555555", linewidth=0.7, linestyle="dotted")
        axes.annotate(
            caption.text,
            (caption.at_ms, y),
            (3, 0),
            textcoords="offset points",
            size=8,
            va="center",
        )


def _draw_marks(axes: "Axes", layout: Layout, marks: Sequence[Mark], lanes: Sequence[Lane]) -> None:
    rows_by_name = {lane.name: row for row, lane in enumerate(lanes)}
    for mark, label in zip(marks, layout.labels, strict=True):
        y = -0.45 - TEXT_ROW * (label.row + 0.6)
        row = rows_by_name.get(mark.lane)
        foot = len(lanes) - 0.6 if row is None else row + 0.31
        axes.vlines(mark.time_ms, y - 0.12, foot, color="#B22222", linewidth=0.9, zorder=4)
        if row is not None:
            axes.plot(mark.time_ms, row - 0.31, marker="v", markersize=5, color="#B22222", zorder=4)
        axes.annotate(
            label.text, (mark.time_ms, y), (3, 0), textcoords="offset points", size=8, va="center"
        )


def _unnamed(lanes: Sequence[Lane], layout: Layout) -> str:
    """Return which states are too short for their names, in words."""
    found = [
        f"{plain(bar.state, 24)} in {plain(lanes[bar.row].name, 24)} at {bar.start_ms:g} ms"
        for bar in layout.bars
        if not bar.text and bar.state
    ]
    more = f" and {len(found) - 8} more" if len(found) > 8 else ""
    return f"Too short to name: {', '.join(found[:8])}{more}." if found else ""


@contextmanager
def _settings() -> Iterator[None]:
    """Draw with our settings and matplotlib's own defaults, whatever a matplotlibrc says."""
    import matplotlib

    with warnings.catch_warnings(), matplotlib.rc_context():
        # A character that the font lacks becomes a box; that is no reason to fail.
        warnings.filterwarnings("ignore", message="Glyph .* missing")
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(SETTINGS)
        yield


def _figure(width: float, height: float, layout: Literal["constrained"] | None = None) -> "Figure":
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), dpi=150, layout=layout)
    FigureCanvasAgg(figure)
    return figure


def _grid(
    count: int, limit: int, size: tuple[float, float], beside: float
) -> "tuple[Figure, list[Axes]]":
    """Return a figure with `count` axes of `size` inches, at most `limit` in a row."""
    lines = -(-count // limit)
    columns = -(-count // lines)
    figure = _figure(max(columns * size[0] + beside, 5.0), lines * size[1] + 0.8, "constrained")
    grid = list(figure.subplots(lines, columns, sharey=True, squeeze=False).flat)
    for spare in grid[count:]:
        spare.remove()
    return figure, grid[:count]


def _finish(figure: "Figure", title: str, note: str, small: str) -> "Figure":
    """Add the title and the small print, and lay the figure out once and for all."""
    width = 72 * figure.get_figwidth() - 24
    above, below = _wrap(title, width, 11, 200), _small_print(width, note, small)
    figure.suptitle(above, size=11, x=0.01, ha="left")
    figure.supxlabel(below, size=SMALL, x=0.01, ha="left")
    # Long texts make the figure taller, not the panels smaller.
    lines = 0.19 * above.count("\n") + 0.12 * below.count("\n")
    figure.set_figheight(figure.get_figheight() + lines)
    figure.draw_without_rendering()
    # Laying out again from there would move things by a hair, and two files would differ.
    figure.set_layout_engine("none")
    return figure


def _head(axes: "Axes", title: str, width: float) -> None:
    """Write a title over a panel that is `width` inches wide."""
    axes.set_title("\n".join(_wrap(line, 72 * width - 40, 9, 200) for line in title.split("\n")))


def _small_print(width: float, *texts: str) -> str:
    return "\n".join(_wrap(text, width, SMALL, 600) for text in texts if text)


def _wrap(text: str, width: float, size: float, limit: int) -> str:
    """Return a text of at most `limit` characters, broken so that it is `width` points wide."""
    line = plain(text, limit)
    columns = int(width / (0.5 * size))
    while True:
        lines = textwrap.wrap(line, columns)
        if columns < 8 or all(_text_width(one, size) <= width for one in lines):
            return "\n".join(lines)
        columns -= 1 + columns // 20


def _text_width(text: str, size: float) -> float:
    from matplotlib.font_manager import FontProperties
    from matplotlib.textpath import text_to_path

    font = FontProperties(size=size)
    width, _, _ = text_to_path.get_text_width_height_descent(text or " ", font, ismath=False)
    return float(width)


def _rate_axis(axes: "Axes", label: str) -> None:
    axes.set_ylim(-3, 103)
    axes.set_yticks(range(0, 101, 20))
    axes.grid(axis="y", color="#dddddd", linewidth=0.6)
    if _is_first(axes):
        axes.set_ylabel(label)


def _is_first(axes: "Axes") -> bool:
    spec = axes.get_subplotspec()
    return spec is not None and spec.is_first_col()


def _line(look: Look) -> dict[str, Any]:
    return {
        "color": look.colour,
        "marker": look.marker,
        "linestyle": look.line,
        "linewidth": 1.3 if look.marker else 0.9,
        "markersize": 5,
        "markerfacecolor": "white" if look.hollow else look.colour,
    }


def _handle(label: str, look: Look) -> "Line2D":
    from matplotlib.lines import Line2D

    return Line2D([], [], label=label, **_line(look))
