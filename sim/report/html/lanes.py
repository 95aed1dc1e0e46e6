"""Where the parts of a walk's picture go: a lane per task and state, a column per moment."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise

from sim.report.html.beside import Walk
from sim.report.trace.walk import Moment

COLUMN = 16
LANE = 26
NAMES = 150
"""Pixels: the width of a moment, the height of a lane, the room for the names of lanes."""
TINTS = 8
"""As many looks there are for states."""


@dataclass(frozen=True, slots=True)
class Bar:
    """A state that holds for some moments. text: as much of its name as fits; tint: its look."""

    x: int
    y: int
    width: int
    state: str
    text: str
    tint: int


@dataclass(frozen=True, slots=True)
class Lanes:
    """A picture. dots: (x, y, moment) of what each task does. names: (y, lane). windows: (x, width)
    of what is shaded. turns: where another step begins. parting: where the two runs part, or None.
    """

    width: int
    height: int
    names: tuple[tuple[int, str], ...]
    bars: tuple[Bar, ...]
    dots: tuple[tuple[int, int, int], ...]
    windows: tuple[tuple[int, int], ...]
    turns: tuple[int, ...]
    parting: int | None
    column: int = COLUMN
    lane: int = LANE
    names_width: int = NAMES


def lanes(walk: Walk, states: Sequence[str], parting: int | None = None) -> Lanes:
    """Return the picture of a walk.

    states: the names of those that its moments have. parting: the moment at which it parts from the
    other one.
    """
    rows = {name: LANE * number for number, name in enumerate((*walk.tasks, *states))}
    moments = walk.moments
    return Lanes(
        width=COLUMN * max(len(moments), 1) + 8,
        height=LANE * len(rows) + 6,
        names=tuple((y, name) for name, y in rows.items()),
        bars=tuple(_bars(moments, states, rows)),
        dots=tuple(
            (_x(index) + COLUMN // 2, rows[one.task] + LANE // 2, index)
            for index, one in enumerate(moments)
        ),
        windows=tuple(
            (_x(begin), COLUMN * count) for begin, count, inside in _windows(moments) if inside
        ),
        turns=tuple(_x(index) for index in turns(moments)),
        parting=None if parting is None else _x(parting),
    )


def _x(index: int) -> int:
    return COLUMN * index


def _bars(moments: Sequence[Moment], states: Sequence[str], rows: dict[str, int]) -> Iterator[Bar]:
    tints: dict[str, int] = {}
    for lane, name in enumerate(states):
        begin = 0
        for state, group in groupby(one.states[lane] for one in moments):
            count = len(list(group))
            if state != "-":
                width = COLUMN * count
                room = (width - 6) // 7
                text = state if len(state) <= room else f"{state[: room - 1]}…" if room > 3 else ""
                tint = tints.setdefault(state, len(tints) % TINTS)
                yield Bar(_x(begin), rows[name] + 3, width, state, text, tint)
            begin += count


def _windows(moments: Sequence[Moment]) -> Iterator[tuple[int, int, bool]]:
    begin = 0
    for inside, group in groupby(one.window for one in moments):
        count = len(list(group))
        yield begin, count, inside
        begin += count


def turns(moments: Sequence[Moment]) -> list[int]:
    """Return the moments, by index, before which another step begins."""
    return [index for index, (a, b) in enumerate(pairwise(moments), 1) if a.step != b.step]
