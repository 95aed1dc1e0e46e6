"""The rows of a before-and-after figure: a pair, its two results, and what tells it from others."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from sim.model.results import Cell, CellResult, PairResult
from sim.report.plots.looks import axis_label, plain
from sim.report.plots.panels import PLACE


@dataclass(frozen=True, slots=True)
class Row:
    """One pair. label: its mode and injection, and below them in what else rows differ."""

    label: str
    before: CellResult
    after: CellResult
    pair: PairResult


def rows(pairs: Sequence[PairResult], results: Sequence[CellResult]) -> list[Row]:
    """Return a row for each pair, in their order.

    Raises ValueError if there are no pairs, or no result for a guard of one.
    """
    if not pairs:
        raise ValueError("no pairs of guards to draw")
    found = {_place(one.cell): one for one in results}
    names = [
        name
        for name in (*PLACE, "value")
        if name not in ("mode", "injection")
        and len({getattr(pair.cell, name) for pair in pairs}) > 1
    ]
    several = len({(pair.before, pair.after) for pair in pairs}) > 1
    return [
        Row(
            _label(pair, names, several),
            _find(found, pair, pair.before),
            _find(found, pair, pair.after),
            pair,
        )
        for pair in pairs
    ]


def _place(cell: Cell) -> Cell:
    # Post-fix in legacy is counterfactual where pre-fix is not; they are a pair all the same.
    return replace(cell, counterfactual=False)


def _find(found: dict[Cell, CellResult], pair: PairResult, guard: str) -> CellResult:
    cell = replace(_place(pair.cell), guard=guard)
    if cell not in found:
        raise ValueError(f"no result for guard {guard} in {cell.mode}, {cell.injection}")
    return found[cell]


def _label(pair: PairResult, names: Sequence[str], several: bool) -> str:
    cell = pair.cell
    lines = [f"{plain(cell.mode, 24)} · {plain(cell.injection, 32)}"]
    parts = [
        f"{axis_label(cell.axis, '')} {cell.value:g} {plain(cell.unit, 16)}".strip()
        if name == "value"
        else plain(getattr(cell, name), 24)
        for name in names
    ]
    if several:
        parts.append(f"{plain(pair.before, 16)} → {plain(pair.after, 16)}")
    lines += [" · ".join(part for part in parts if part)] if parts else []
    return "\n".join(lines)
