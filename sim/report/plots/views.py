"""What each picture shows, as a table: for those who cannot see it, or want the figures."""

from collections.abc import Callable, Sequence

from rich.table import Table
from rich.text import Text

from sim.model.results import CellResult, PairResult
from sim.report.plots.lanes import Lane, Mark, Span
from sim.report.plots.looks import axis_label, plain
from sim.report.plots.measures import MEASURES
from sim.report.plots.pairs import rows as pair_rows
from sim.report.plots.panels import guard_labels
from sim.report.text.reproduce import change, rate


def rates_view(results: Sequence[CellResult]) -> Table:
    """Return a row per runtime and value of the axis, a column per guard."""
    table = Table()
    table.add_column("runtime")
    table.add_column(axis_label(results[0].cell.axis, results[0].cell.unit), justify="right")
    runtimes = list(dict.fromkeys(one.cell.runtime for one in results))
    _by_guard(
        table,
        sorted(results, key=lambda one: (runtimes.index(one.cell.runtime), one.cell.value)),
        lambda one: (plain(one.cell.runtime), f"{one.cell.value:g}"),
        _with_closed_form,
    )
    return table


def offsets_view(results: Sequence[CellResult]) -> Table:
    """Return a row per window and offset of the injection, a column per guard."""
    table = Table()
    table.add_column("window (ms)", justify="right")
    table.add_column("offset (ms)", justify="right")
    _by_guard(
        table,
        sorted(results, key=lambda one: (one.cell.window_ms or 0, one.cell.offset_ms or 0)),
        lambda one: (f"{one.cell.window_ms:g}", f"{one.cell.offset_ms:g}"),
        rate,
    )
    return table


def shares_view(results: Sequence[CellResult]) -> Table:
    """Return a row per guard and value of the axis, a column per measure."""
    table = Table()
    table.add_column("guard")
    table.add_column("runtime")
    table.add_column(axis_label(results[0].cell.axis, results[0].cell.unit), justify="right")
    for name, *_ in MEASURES:
        table.add_column(name, justify="right")
    for one in results:
        counts = [f"{count(one)}/{one.trials}" for *_, count in MEASURES]
        names = (Text(plain(one.cell.guard)), Text(plain(one.cell.runtime)))
        table.add_row(*names, f"{one.cell.value:g}", *counts)
    return table


def pairs_view(pairs: Sequence[PairResult], results: Sequence[CellResult]) -> Table:
    """Return a row per pair of guards: both rates, and the paired difference in points."""
    table = Table()
    table.add_column("where")
    for name in (pairs[0].before, pairs[0].after, "difference (points)"):
        table.add_column(Text(plain(name)), justify="right")
    for row in pair_rows(pairs, results):
        table.add_row(Text(row.label), rate(row.before), rate(row.after), change(row.pair))
    return table


def timeline_view(lanes: Sequence[Lane], marks: Sequence[Mark], spans: Sequence[Span]) -> Table:
    """Return a row per change of a state, event and window, in the order of their times."""
    table = Table()
    table.add_column("ms", justify="right")
    table.add_column("lane")
    table.add_column("what")
    rows = [(at, lane.name, state) for lane in lanes for at, state in lane.changes]
    rows += [(mark.time_ms, mark.lane, mark.text) for mark in marks]
    rows += [(span.start_ms, "", f"{span.text}, to {span.end_ms:.3f} ms") for span in spans]
    for at, lane, what in sorted(rows, key=lambda row: row[0]):
        table.add_row(f"{at:.3f}", Text(plain(lane)), Text(plain(what, 80)))
    return table


def _by_guard(
    table: Table,
    results: Sequence[CellResult],
    place: Callable[[CellResult], tuple[str, ...]],
    told: Callable[[CellResult], str],
) -> None:
    """Add a column per guard, and a row per place, in the order in which they come."""
    labels = guard_labels(results)
    rows: dict[tuple[str, ...], dict[str, CellResult]] = {}
    for one in results:
        rows.setdefault(place(one), {})[one.cell.guard] = one
    for guard in labels:
        table.add_column(Text(labels[guard]), justify="right")
    for names, found in rows.items():
        cells = [told(found[guard]) if guard in found else "-" for guard in labels]
        table.add_row(*map(Text, names), *cells)


def _with_closed_form(one: CellResult) -> str:
    known = one.closed_form
    return rate(one) if known is None else f"{rate(one)}\nclosed form {100 * known:.1f} %"
