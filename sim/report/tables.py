"""Tables for the terminal."""

from collections.abc import Iterable

from rich.table import Table
from rich.text import Text

from sim.model.results import CellResult, PairResult
from sim.report.plots.looks import plain
from sim.sweep.summary import AFTER, BEFORE, Summary, over_axis

UNREAL = "\n(counterfactual)"
TITLE = "Runs that fail, of all trials over the axis (95 % interval)"
WIDE = 140
"""Columns of a terminal that the table with a column per guard needs."""


def rates_table(summary: Summary) -> Table:
    """Return injection x runtime against guard: failures / trials and the interval of the rate.

    The last column is the change from pre-fix to post-fix in percentage points, if there are pairs.
    What is counterfactual says so: a row if all of it is, else the guards that are.
    """
    whole = over_axis(summary)
    guards = list(dict.fromkeys(one.cell.guard for one in whole.results))
    changes = {(pair.cell.injection, pair.cell.runtime): pair for pair in whole.pairs}
    table = Table(title=TITLE, box=None)
    for name in ("injection", "runtime"):
        table.add_column(name)
    for guard in guards:
        table.add_column(Text(plain(guard)), justify="right")
    if changes:
        table.add_column(f"{BEFORE} > {AFTER}", justify="right")
    last = None
    for (injection, runtime), group in _rows(whole.results).items():
        found = {one.cell.guard: one for one in group}
        unreal = [one.cell.counterfactual for one in group]
        note = UNREAL if all(unreal) else ""
        cells = [rate(found.get(guard), any(unreal) and not note) for guard in guards]
        if changes:
            cells.append(change(changes.get((injection, runtime))))
        name = "" if injection == last else plain(injection) or "(unnamed)"
        table.add_row(Text(name), Text(plain(runtime) + note), *cells)
        last = injection
    return table


def narrow_table(summary: Summary) -> Table:
    """Return the same figures with a row per injection and guard and a column per runtime."""
    whole = over_axis(summary)
    runtimes = list(dict.fromkeys(one.cell.runtime for one in whole.results))
    changes = {(pair.cell.injection, pair.cell.runtime): pair for pair in whole.pairs}
    table = Table(title=TITLE, box=None)
    table.add_column("injection")
    table.add_column("guard")
    for runtime in runtimes:
        table.add_column(Text(plain(runtime)), justify="right")
    rows: dict[str, dict[str, dict[str, CellResult]]] = {}
    for one in whole.results:
        guards = rows.setdefault(one.cell.injection, {})
        guards.setdefault(one.cell.guard, {})[one.cell.runtime] = one
    for injection, guards in rows.items():
        name = plain(injection) or "(unnamed)"
        for guard, found in guards.items():
            cells = [_in_one_line(rate(found.get(runtime), True)) for runtime in runtimes]
            table.add_row(Text(name), Text(plain(guard)), *cells)
            name = ""
        if any(key[0] == injection for key in changes):
            cells = [_in_one_line(change(changes.get((injection, one)))) for one in runtimes]
            table.add_row("", f"{BEFORE} > {AFTER}", *cells)
    return table


def _in_one_line(text: str) -> str:
    return text.replace("every trial", "all").replace(" to ", "..").replace("\n", "  ")


def _rows(results: Iterable[CellResult]) -> dict[tuple[str, str], list[CellResult]]:
    rows: dict[tuple[str, str], list[CellResult]] = {}
    for one in results:
        rows.setdefault((one.cell.injection, one.cell.runtime), []).append(one)
    return rows


def rate(one: CellResult | None, noted: bool = False) -> str:
    """Return a rate and its interval; `noted`: and whether it is counterfactual."""
    if one is None:
        return "-"
    note = UNREAL if noted and one.cell.counterfactual else ""
    return f"{one.failures}/{one.trials}\n{100 * one.low:.1f}-{100 * one.high:.1f} %{note}"


def change(pair: PairResult | None) -> str:
    """Return the change of a rate in percentage points, and its interval."""
    if pair is None:
        return "-"
    if not pair.counts[1] and not pair.counts[2]:
        return "same in\nevery trial"
    return f"{100 * pair.difference:+.1f}\n{100 * pair.low:+.1f} to {100 * pair.high:+.1f}"
