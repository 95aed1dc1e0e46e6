"""What a change of the guard does to the rate of failures, pair by pair."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from sim.model.results import CellResult, PairResult
from sim.report.plots.canvas import FAILING, finish, grid_of, settings
from sim.report.plots.looks import Look, looks, percent, plain, signed, whiskers
from sim.report.plots.pairs import Row, rows

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.patches import Patch


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
    with settings():
        figure, (axes,) = grid_of(1, 1, (9.0, 0.52 * len(shown) + 0.9), 0.0)
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
        return finish(figure, title, note, "Whiskers: 95 % intervals of each rate.")


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
