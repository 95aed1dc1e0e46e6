"""A run as a Mermaid sequence diagram: tasks side by side, what is sent between them, notes.

An arrow stands where something is sent. It arrives later: a note at the receiver says when. Names
and texts come from anywhere, so what could mean something to Mermaid is written as its number.
"""

import re
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import NamedTuple

from sim.model.plain import printable
from sim.model.record import Event
from sim.model.ticks import ms
from sim.report.formats.telling import folded, is_noise, labels, told, windows
from sim.runs.subject import Record

LARGEST = 45_000
"""Mermaid draws no text of more than 50,000 characters (maxTextSize)."""
WINDOW = "rect rgb(255, 240, 200)"
_SAFE = frozenset(" _-.,()=/'")
_DATA = 40
_AROUND = 80
"""More characters than there are around the text of a row."""


class _Row(NamedTuple):
    """One event in the diagram: of one task, or on its way from one to another. at: its index."""

    at: int
    tick: int
    tasks: tuple[str, ...]
    text: str


def mermaid(record: Record) -> str:
    """Return a run as the text of a sequenceDiagram; of a long run its end alone."""
    every = list(_rows(record.events))
    rows = every[_too_many(every) :]
    names = labels(task for row in rows for task in row.tasks)
    ids = {task: f"T{number}" for number, task in enumerate(names, 1)}
    lines = [f"participant {ids[task]} as {escaped(name)}" for task, name in names.items()]
    if len(rows) < len(every):
        lines.append(f"Note over T1: {len(every) - len(rows)} earlier lines are left out")
    lines += _drawn(rows, ids, _shaded(record.events, rows))
    return "\n    ".join(["sequenceDiagram", *lines]) + "\n"


def escaped(text: str) -> str:
    """Return a text that Mermaid shows as it is, whatever is in it, and never as nothing."""
    shown = "".join(
        char if char.isalnum() or char in _SAFE else f"#{ord(char)};" for char in printable(text)
    )
    # the word would end a block, and blanks alone are no text
    shown = re.sub(r"(?i)\bend\b", lambda word: f"#{ord(word[0][0])};{word[0][1:]}", shown)
    return shown.strip() or "-"


def _rows(events: Sequence[Event]) -> Iterator[_Row]:
    for index, event in enumerate(events):
        task = folded(event.task)
        if event.kind == "wire":
            sender, _, receiver = str(event.values["link"]).partition(">")
            to = f"transport:{sender}" if receiver == "server" else receiver
            data = str(event.values["data"])
            shown = data if len(data) <= _DATA else data[: _DATA - 3] + "..."
            yield _Row(index, event.tick, (task, to), escaped(shown))
        elif event.kind != "client.sent" and not is_noise(event):
            yield _Row(index, event.tick, (task,), escaped(told(event)))


def _too_many(rows: Sequence[_Row]) -> int:
    """Return how many rows have to be left out at the beginning."""
    room = LARGEST
    for count, row in enumerate(reversed(rows)):
        room -= len(row.text) + _AROUND
        if room < 0:
            return len(rows) - count
    return 0


def _shaded(events: Sequence[Event], rows: Sequence[_Row]) -> dict[int, int]:
    """Return the windows in which something is drawn, as the indexes of their two events.

    Those of several connections may overlap, which boxes cannot: the first one is shaded.
    """
    drawn = [row.at for row in rows]
    found: dict[int, int] = {}
    last = drawn[0] - 1 if drawn else 0
    for start, stop, _ in sorted(windows(events)):
        if start > last and any(start < index < stop for index in drawn):
            found[start] = last = stop
    return found


def _drawn(rows: Sequence[_Row], ids: dict[str, str], shaded: dict[int, int]) -> Iterator[str]:
    """Yield the lines of the diagram; what a task does at one tick is one note."""
    stops = set(shaded.values())
    box = 0

    def place(row: _Row) -> tuple[object, ...]:
        nonlocal box
        box += row.at in shaded
        inside = box
        box += row.at in stops
        alone = row.at if len(row.tasks) > 1 else -1
        return inside, row.tick, row.tasks, alone

    for _, group in groupby(rows, place):
        together = list(group)
        first = together[0]
        if first.at in shaded:
            yield WINDOW
        if len(first.tasks) > 1:
            sender, receiver = (ids[task] for task in first.tasks)
            yield f"{sender}-){receiver}: {first.text}"
        else:
            time = escaped(f"{ms(first.tick):.3f} ms")
            texts = "<br/>".join([time, *(row.text for row in together)])
            yield f"Note over {ids[first.tasks[0]]}: {texts}"
        if together[-1].at in stops:
            yield "end"
