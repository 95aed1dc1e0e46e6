"""A line where it came: what it is there, and what the head of its record says of time and origin.

What most lines are they say themselves (`lines`). Of the others it depends on what their source
wrote before: whether a time before a traceback's line makes a head of it, whose traceback stands
below which line, and which day or year a time is of.
"""

import re
from itertools import islice
from typing import Final, NamedTuple

from sim.logs.lines import TRACING, Line, Sort, sort_of, split_source
from sim.logs.looks import look
from sim.logs.mechanism import REJECTED
from sim.logs.opened import Opened
from sim.logs.rendered import is_boxed, strip_colours
from sim.logs.said import SEVERE, Said, time_of
from sim.logs.scanning import Before
from sim.logs.timeforms import split_stamp
from sim.logs.times import DAY_S, NANOS, NOTHING, Assumed, read_time

_BACK: Final = 400
"""Lines in which the head of a traceback is looked for, where sources are mixed."""
_NOT_ABOVE: Final = frozenset({"debug", "info", "notice"})
"""Severities below which no traceback is logged."""
_APART: Final = 5 * NANOS
"""Nanoseconds between a head and its traceback, at most, where both have times."""
_TURNS: Final = {"date": 12 * 3600 * NANOS, "year": 180 * DAY_S * NANOS}
"""Nanoseconds by which a time has to be earlier than one before it, for a day or a year to end."""
_REJECTION: Final = '" 403'
_NEAR: Final = 4000
"""Characters in which that is looked for at once; only then the line of its source is found."""


class Came(NamedTuple):
    """A line as it came. said: what it says by itself, for an entry; None for a line of text."""

    line: Line
    sort: Sort
    number: int
    before: Before
    said: Said | None = None
    is_stamped: bool = False
    """Whether a time stands before it and makes no head of it."""


def place_line(line: Line, number: int, before: Before, last: Opened | None) -> Came:
    """Return a line with what it is below the record that is open before it, None for none."""
    sort = sort_of(line.text)
    if sort is not Sort.HEAD:
        return Came(line, sort, number, before)
    traces = last is not None and last.has_traceback
    if not traces and not any(word in line.text for word in TRACING):
        return Came(line, sort, number, before)
    within = last is not None and not last.at_its_end
    if line.text[0] == " " and within:
        return Came(line, Sort.FRAME, number, before)
    stamp, rest = split_stamp(line.text)
    inner = sort_of(rest)
    stamped = inner in (Sort.START, Sort.CHAIN)
    if last is not None and last.has_traceback:
        stamped = stamped or (inner is Sort.FRAME and (rest[0] in " \t" or is_boxed(rest)))
        stamped = stamped or (last.is_stamped and inner is Sort.BLANK)
        stamped = stamped or (last.is_stamped and within and inner is Sort.OTHER)
    if not stamp or not stamped:
        return Came(line, sort, number, before)
    line = Line(line.source, line.stamp + stamp, rest)
    return Came(line, inner, number, before, is_stamped=True)


class Heads:
    """Tells what the heads of one file's records say. assumed: what a person says of times."""

    def __init__(self, assumed: Assumed) -> None:
        self._assumed = assumed
        self._latest = 0
        """The latest time of which a person has said the day or the year."""

    def open(self, came: Came) -> Opened:
        """Return a record that begins with a line."""
        said = self._said_by(came) if came.said is None else came.said
        return Opened(came.number, self._dated(said, came))

    def open_head(self, came: Came) -> Opened:
        """Return a record that begins with a head; it knows whether a handshake was refused."""
        opened = self.open(came)
        if opened.said.severity in SEVERE and came.before.holds(_REJECTION, _NEAR):
            last = _line_before(came)
            if last is not None and REJECTED.search(last.text) is not None:
                when, own = time_of(last.text, last.stamp, self._assumed).when, opened.said.when
                near = when is None or own is None or abs(own.ns - when.ns) <= _APART
                opened.was_rejected = near
        return opened

    def is_later(self, came: Came, last: Opened) -> bool:
        """Whether a traceback has a time of its own that is not that of the record before it."""
        if came.said is None and not (came.line.stamp or came.is_stamped):
            return False
        own, before = self.open(came).said.when, last.said.when
        return own is not None and before is not None and own.ns - before.ns > _APART

    def above(self, came: Came) -> Line | None:
        """Return the head line right before a traceback, None if it is none of its own.

        `logging` writes tracebacks below errors. What stands below anything else was printed later
        than that, and nobody knows when. Where lines have times of their own, these tell.
        """
        found = _line_before(came)
        if found is None or sort_of(found.text) is not Sort.HEAD:
            return None
        head = self.open(came._replace(line=found, is_stamped=False)).said
        if head.severity in _NOT_ABOVE:
            return None
        own = self.open(came).said.when
        apart = own is not None and head.when is not None and own.ns - head.when.ns > _APART
        return None if apart else found

    def _said_by(self, came: Came) -> Said:
        text, stamp = came.line.text, came.line.stamp
        seen = look(text)
        if text[:1] == " " and came.sort is Sort.HEAD:  # its time is that of the head before
            time = read_time(_above_in_columns(came.before), self._assumed)
        else:
            time = time_of(text, stamp, self._assumed)
        return Said(stamp + text, time.when, seen.severity, seen.connection, lacks=time.lacks)

    def _dated(self, said: Said, came: Came) -> Said:
        """Return what a line says without its time, if what a person says of it cannot be true.

        A log that goes over midnight, or over New Year, is not of one day, or of one year.
        """
        if said.when is None or not (self._assumed.day or self._assumed.year):
            return said
        lacks = time_of(came.line.text, came.line.stamp, NOTHING).lacks
        if not lacks:
            return said
        if said.when.ns < self._latest - _TURNS.get(lacks, 0):
            return said._replace(when=None, lacks=lacks)
        self._latest = max(self._latest, said.when.ns)
        return said


_WITH_LEVEL: Final = re.compile(r"\[[^\]]{5,40}\] [A-Z]{4,8} ")
"""How rich begins a line with a time."""


def _above_in_columns(before: Before) -> str:
    """Return the line whose time counts for one that rich wrote without any, "" for none."""
    lines = map(strip_colours, islice(before.lines(), _BACK))
    above = next((one for one in lines if one[:1] not in (" ", "")), "")
    return above if _WITH_LEVEL.match(above) else ""


def _line_before(came: Came) -> Line | None:
    """Return the last line of its source that is not blank, None if it is too far back."""
    for line in islice(came.before.lines(), _BACK):
        found = split_source(strip_colours(line))
        if found.source == came.line.source and sort_of(found.text) is not Sort.BLANK:
            return found
    return None
