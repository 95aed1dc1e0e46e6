"""Results sorted into the panels of a figure, and what tells the panels apart."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sim.model.names import GUARDS
from sim.model.results import CellResult
from sim.report.plots.looks import axis_label, plain

PLACE = ("mode", "shape", "injection", "probe", "runtime", "server")
"""The fields of a cell that say what was tried, apart from the guard and the axis."""


def guards_in(results: Iterable[CellResult]) -> list[str]:
    """Return the guards that occur, those of wsrace first and in their usual order."""
    found = dict.fromkeys(result.cell.guard for result in results)
    known = [guard for guard in GUARDS if guard in found]
    return known + [guard for guard in found if guard not in GUARDS]


@dataclass(frozen=True, slots=True)
class Panel:
    """Results that belong into one picture. title: what tells them from the other panels."""

    title: str
    results: tuple[CellResult, ...]


def varying(results: Sequence[CellResult], fields: Sequence[str]) -> list[str]:
    """Return those of the cells' `fields` in which the results differ."""
    return [name for name in fields if len({getattr(one.cell, name) for one in results}) > 1]


def panels(results: Sequence[CellResult], first: str, *others: str) -> list[Panel]:
    """Return the results in panels, one for each combination of the given fields of a cell.

    first: the field that is always in the title; the others are where they differ. A panel of
    nothing but counterfactual cells says so, unless all results are counterfactual.
    """
    named = [first, *varying(results, [name for name in others if name != first])]
    groups: dict[tuple[str, ...], list[CellResult]] = {}
    for guard in guards_in(results) if first == "guard" else [None]:
        for one in results:
            if guard in (None, one.cell.guard):
                key = tuple(str(getattr(one.cell, name)) for name in named)
                groups.setdefault(key, []).append(one)
    mixed = not unreal(results)
    return [
        Panel(_title(key, mixed and unreal(group)), tuple(group)) for key, group in groups.items()
    ]


def unreal(results: Iterable[CellResult]) -> bool:
    """Whether all of these are counterfactual."""
    return all(one.cell.counterfactual for one in results)


def _title(parts: Sequence[str], counterfactual: bool) -> str:
    words = " · ".join(plain(part, 32) for part in parts if part)
    return f"{words}\n(counterfactual)" if counterfactual else words


def guard_labels(results: Sequence[CellResult]) -> dict[str, str]:
    """Return what a legend calls each guard; it tells which ones alone are counterfactual."""
    mixed = not unreal(results)
    found = {}
    for guard in guards_in(results):
        alone = mixed and unreal(one for one in results if one.cell.guard == guard)
        found[guard] = plain(guard, 32) + (" (counterfactual)" if alone else "")
    return found


def one_axis(results: Sequence[CellResult]) -> str:
    """Return the label of the axis of all results.

    Raises ValueError if there are none, or if they belong to several axes.
    """
    if not results:
        raise ValueError("no results to draw")
    axes = {axis_label(one.cell.axis, one.cell.unit) for one in results}
    if len(axes) > 1:
        raise ValueError(f"results of several axes in one figure: {', '.join(sorted(axes))}")
    return axes.pop()


def keyed(results: Iterable[CellResult], *names: str) -> dict[tuple[Any, ...], CellResult]:
    """Return the results by the given fields of their cells.

    Raises ValueError where two results would lie on top of each other.
    """
    found: dict[tuple[Any, ...], CellResult] = {}
    for one in results:
        key = tuple(getattr(one.cell, name) for name in names)
        if key in found:
            where = ", ".join(f"{name} {value}" for name, value in zip(names, key, strict=True))
            raise ValueError(f"two results for {where}")
        found[key] = one
    return found
