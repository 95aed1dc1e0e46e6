"""A timeline before it is drawn: its data, and where its texts go so that none meets another."""

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from sim.report.plots.looks import plain


@dataclass(frozen=True, slots=True)
class Lane:
    """One state over time. changes: (time in virtual milliseconds, the state from then on)."""

    name: str
    changes: tuple[tuple[float, str], ...]


@dataclass(frozen=True, slots=True)
class Mark:
    """Something that happened at one time. lane: the name of the lane it belongs to, "" for all."""

    time_ms: float
    lane: str
    text: str


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of time with a name, for example the window between validation and receive."""

    start_ms: float
    end_ms: float
    text: str


@dataclass(frozen=True, slots=True)
class Bar:
    """A state that holds from start to end. row: which lane, from 0. text: "" if too short."""

    row: int
    start_ms: float
    end_ms: float
    state: str
    text: str


@dataclass(frozen=True, slots=True)
class Label:
    """A text that begins at a time, in a row of texts; row 0 is nearest to the lanes."""

    at_ms: float
    row: int
    text: str


@dataclass(frozen=True, slots=True)
class Layout:
    """Where everything goes. labels: of the marks. captions: of the spans, below the lanes.

    start_ms, edge_ms: the ends of the axis, with room on the right for texts.
    """

    start_ms: float
    edge_ms: float
    bars: tuple[Bar, ...]
    labels: tuple[Label, ...]
    captions: tuple[Label, ...]


def lay_out(
    lanes: Sequence[Lane],
    marks: Sequence[Mark],
    spans: Sequence[Span],
    measure: Callable[[str], float],
    width: float,
) -> Layout:
    """Return where the parts of a timeline go.

    measure: how wide a text is, in points, with the room around it. width: of the axis, in points.
    Raises ValueError, in one line, for a timeline that cannot be drawn.
    """
    start, end = _extent(lanes, marks, spans)
    texts = [_fitting(mark.text, measure, 0.45 * width) for mark in marks]
    edge = _right_edge(
        start,
        end,
        [(mark.time_ms, measure(text) / width) for mark, text in zip(marks, texts, strict=True)],
    )
    scale = (edge - start) / width

    def place(begins: Sequence[float], texts: Sequence[str]) -> tuple[Label, ...]:
        lines = [
            (begin, begin + measure(text) * scale)
            for begin, text in zip(begins, texts, strict=True)
        ]
        found = zip(begins, stagger(lines), texts, strict=True)
        return tuple(Label(*one) for one in found)

    captions = [_fitting(span.text, measure, 0.45 * width) for span in spans]
    begins = []
    for span, text in zip(spans, captions, strict=True):
        room = measure(text) * scale
        middle = (span.start_ms + span.end_ms - room) / 2
        begins.append(max(start, min(middle, edge - room)))
    return Layout(
        start,
        edge,
        tuple(_bars(lanes, end, lambda text: measure(text) * scale)),
        place([mark.time_ms for mark in marks], texts),
        place(begins, captions),
    )


def _extent(
    lanes: Sequence[Lane], marks: Sequence[Mark], spans: Sequence[Span]
) -> tuple[float, float]:
    """Return where the timeline begins and ends, a little after the last time.

    A state that begins at the last time can be seen like that.
    """
    if not lanes:
        raise ValueError("a timeline needs at least one lane")
    names = {lane.name for lane in lanes}
    for mark in marks:
        if mark.lane and mark.lane not in names:
            raise ValueError(f"mark {mark.text!r} is in no lane: {mark.lane!r}")
    for span in spans:
        if span.end_ms < span.start_ms:
            raise ValueError(f"span {span.text!r} ends before it starts")
    times = [time for lane in lanes for time, _ in lane.changes]
    times += [mark.time_ms for mark in marks]
    times += [time for span in spans for time in (span.start_ms, span.end_ms)]
    if not times:
        raise ValueError("a timeline needs at least one change, mark or span")
    if not all(map(math.isfinite, times)):
        raise ValueError("the times of a timeline must be finite")
    start, end = min(times), max(times)
    return start, end + (0.08 * (end - start) or 1.0)


def _fitting(text: str, measure: Callable[[str], float], room: float) -> str:
    """Return as much of a text as fits into the room."""
    limit = 80
    found = plain(text, limit)
    while measure(found) > room and limit > 1:
        limit -= 1
        found = plain(text, limit)
    return found


def _right_edge(start: float, end: float, texts: Iterable[tuple[float, float]]) -> float:
    """Return where the axis must end so that texts (begin, share of the axis) fit in."""
    needed = ((time - start) / (1 - share) for time, share in texts)
    return start + max([end - start, *needed])


def _bars(lanes: Sequence[Lane], end: float, measure: Callable[[str], float]) -> Iterator[Bar]:
    """Yield what the lanes show: each state lasts until the next change, the last to the end."""
    for row, lane in enumerate(lanes):
        changes = sorted(lane.changes, key=lambda change: change[0])
        for (time, state), (until, _) in pairwise([*changes, (end, "")]):
            text = plain(state, 80)
            yield Bar(row, time, until, state, text if measure(text) <= until - time else "")


def stagger(texts: Sequence[tuple[float, float]]) -> list[int]:
    """Return a row for each text (start, end), row 0 nearest to the lanes.

    No text meets another, and none is crossed by the line that leads from the start of another
    straight down to the lanes: a text lies above all those that start beneath it.
    """
    rows = [0] * len(texts)
    order = sorted(range(len(texts)), key=lambda index: (texts[index][0], index))
    for place in reversed(range(len(order))):
        _, end = texts[order[place]]
        beneath = [rows[other] for other in order[place + 1 :] if texts[other][0] < end]
        rows[order[place]] = 1 + max(beneath, default=-1)
    return rows
