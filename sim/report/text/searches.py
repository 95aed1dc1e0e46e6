"""Searches in a file of results: how far they are, and what they say so far."""

from collections.abc import Iterator, Sequence
from typing import Any

from rich.table import Table
from rich.text import Text

from sim.model.plain import printable
from sim.store.searches import KeptSearch


def tell_searches(searches: Sequence[KeptSearch]) -> Iterator[Text | Table]:
    """Yield each search of a file."""
    for one in searches:
        yield Text(printable(heading(one)), style="bold")
        table = Table(box=None, pad_edge=False)
        table.add_column("outcome")
        table.add_column("classes", justify="right")
        for ending, count in one.endings.items():
            table.add_row(Text(printable(ending)), f"{count:,}")
        if one.endings:
            yield table
        if one.verdict is None:
            yield Text("no verdict yet: it is under way, or was interrupted")
        else:
            yield Text(printable(f"when it was asked last: {_part(one.verdict, 'says')}"))


def heading(one: KeptSearch) -> str:
    """Return in one line what was searched, and how far that is."""
    scenario = _part(one.said, "scenario")
    name = _part(scenario, "name") or "a scenario"
    about = _part(one.said, "handler") or f"guard {_part(scenario, 'guard') or 'pre-fix'}"
    how = f"{_part(one.said, 'strategy')}, times {_part(one.said, 'times')}"
    found = f"{one.classes:,} classes, {one.failing:,} of them fail" if one.classes else "no class"
    return f"{name}, {about}, {how}: {found}; {one.pieces:,} pieces of the search"


def row_of(one: KeptSearch) -> dict[str, Any]:
    """Return the same as plain data."""
    return {
        "said": one.said,
        "verdict": one.verdict,
        "pieces": one.pieces,
        "classes": one.classes,
        "failing": one.failing,
        "endings": one.endings,
    }


def _part(data: object, key: str) -> Any:
    """Return part of what a file says, "" if it does not."""
    return data.get(key, "") or "" if isinstance(data, dict) else ""
