"""A run as a table of text: a column per task, time downwards.

One row is what one task did in one go, so reading down a column is following a task, and reading
down the rows is the order in which things happened.
"""

import textwrap
from collections.abc import Iterator, Sequence
from itertools import groupby

from rich.cells import chop_cells, set_cell_size

from sim.model.ticks import ms
from sim.report.formats.telling import folded, is_noise, labels, told
from sim.runs.subject import Record

WIDTH = 100
"""The table is no wider, unless its columns would be narrower than NARROWEST."""
NARROWEST = 10
TALLEST = 3
"""One event fills at most so many lines."""
_TIME = 11
_BETWEEN = " | "


def columns(record: Record) -> str:
    """Return a run as a table: time in milliseconds, then a column per task.

    Tasks stand in the order in which they first do something that is shown. Nothing in it is a
    command to a terminal, and long texts are cut.
    """
    events = [event for event in record.events if not is_noise(event)]
    names = labels(folded(event.task) for event in events)
    width = max((WIDTH - _TIME) // max(len(names), 1) - len(_BETWEEN), NARROWEST)
    rows = _lines("ms", [_wrapped(name, width) for name in names.values()], width)
    rows.append(("-" * _TIME) + "".join("-+-" + "-" * width for _ in names))
    for (tick, task), group in groupby(events, lambda event: (event.tick, folded(event.task))):
        told_here = [line for event in group for line in _wrapped(told(event), width)]
        cells = [told_here if name == task else [] for name in names]
        rows += _lines(f"{ms(tick):.3f}", cells, width)
    return "".join(f"{row.rstrip()}\n" for row in rows)


def _lines(time: str, cells: Sequence[Sequence[str]], width: int) -> list[str]:
    """Return the lines of one row."""
    height = max(map(len, cells), default=1)
    return [
        f"{time if number == 0 else '':>{_TIME}}"
        + "".join(
            _BETWEEN + set_cell_size(cell[number] if number < len(cell) else "", width)
            for cell in cells
        )
        for number in range(height)
    ]


def _wrapped(text: str, width: int) -> list[str]:
    """Return a text in lines that fit a column; what is too long ends in dots."""
    found = list(_pieces(text, width))
    if len(found) <= TALLEST:
        return found
    return [*found[: TALLEST - 1], set_cell_size(found[TALLEST - 1], width - 3).rstrip() + "..."]


def _pieces(text: str, width: int) -> Iterator[str]:
    for line in textwrap.wrap(text, width, subsequent_indent="  ", break_on_hyphens=False):
        yield from chop_cells(line, width)  # a character may be two columns wide
