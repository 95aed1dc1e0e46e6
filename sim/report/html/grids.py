"""Tables for pages, from the tables that terminals show."""

from dataclasses import dataclass

from markupsafe import Markup
from rich.table import Table
from rich.text import Text

from sim.report.html.environment import render

_KINDS = {"green": "good", "red": "bad", "yellow": "open"}
"""What a colour of the terminal means; a page has its own looks for it."""


@dataclass(frozen=True, slots=True)
class Field:
    """One cell. lines: its text. kind: "good", "bad", "open" or ""."""

    lines: tuple[str, ...]
    kind: str = ""


@dataclass(frozen=True, slots=True)
class Grid:
    """A table as rows of plain data. right: for each column, whether it is set to the right."""

    title: str
    headings: tuple[Field, ...]
    right: tuple[bool, ...]
    rows: tuple[tuple[Field, ...], ...]


def grid(table: Table, title: str = "") -> Grid:
    """Return the content of a table. title: instead of the table's own."""
    columns = [[_field(cell) for cell in column.cells] for column in table.columns]
    return Grid(
        title or str(table.title or ""),
        tuple(_field(column.header) for column in table.columns),
        tuple(column.justify == "right" for column in table.columns),
        tuple(zip(*columns, strict=True)),
    )


def html_table(table: Table, title: str = "") -> Markup:
    """Return a table as markup. Its first column names the rows."""
    return render("table.html.j2", grid=grid(table, title))


def _field(cell: object) -> Field:
    kind = _KINDS.get(str(cell.style), "") if isinstance(cell, Text) else ""
    return Field(tuple(str(cell).split("\n")), kind)
