"""States over virtual time."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from sim.report.plots.canvas import SMALL, new_figure, settings, small_print, text_width, wrap
from sim.report.plots.lanes import Lane, Layout, Mark, Span, lay_out
from sim.report.plots.looks import TINTS, plain

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

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
    with settings():
        left = max((text_width(_lane_name(lane), 9) for lane in lanes), default=0) + 16
        page = 720.0
        width = page - left - 12
        layout = lay_out(lanes, marks, spans, lambda text: text_width(text, 8) + 7, width)
        top = 0.45 + TEXT_ROW * (1 + max((one.row + 1 for one in layout.labels), default=0))
        bottom = len(lanes) - 0.35
        bottom += TEXT_ROW * max((one.row + 1 for one in layout.captions), default=0)
        head = wrap(title, page - 16, 11, 200)
        foot = small_print(page - 16, note, _unnamed(lanes, layout))
        above, below = 14 * head.count("\n") + 24, 9 * foot.count("\n") + 50
        tall = 36 * (top + bottom) + above + below
        figure = new_figure(page / 72, tall / 72)
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
            axes.plot(
                mark.time_ms,
                row - 0.31,
                marker="v",
                markersize=5,
                color="#B22222",
                zorder=4,
                clip_on=False,  # a mark at the very beginning is whole
            )
        axes.annotate(
            label.text, (mark.time_ms, y), (3, 0), textcoords="offset points", size=8, va="center"
        )


def _unnamed(lanes: Sequence[Lane], layout: Layout) -> str:
    """Return which states are too short for their names, in words."""
    found = [
        f"{plain(bar.state, 24)} in {plain(lanes[bar.row].name, 24)} at {at} ms"
        for bar, at in ((bar, f"{round(bar.start_ms, 3):.15g}") for bar in layout.bars)
        if not bar.text and bar.state
    ]
    more = f" and {len(found) - 8} more" if len(found) > 8 else ""
    return f"Too short to name: {', '.join(found[:8])}{more}." if found else ""
