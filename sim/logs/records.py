"""Lines -> records: a head line and what its source wrote below it, up to its next head.

An error in a log is rarely one line. Its time and its severity stand on the head, its text at the
end of a traceback, perhaps of several that follow from each other. All of that is one record: it
has one time, one severity, and counts once. Tracebacks of two sources may be mixed line by line;
where each line says who wrote it, they are told apart. Where none does, a line goes to the
traceback that is not at its end yet, if that is exactly one, and else to a record whose time nobody
knows.

Only records that hold something (a pattern, a traceback, an error) are put together; the scanner
shows all lines while one is open, and looks for marks else.
"""

from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Any, Final

from sim.logs.entry import entry_in, entry_of, unwrap
from sim.logs.heads import Came, Heads, place_line
from sim.logs.lines import Line, Sort, sort_of, split_source
from sim.logs.looks import look
from sim.logs.opened import Opened, Record
from sim.logs.rendered import column_of, strip_colours, unescaped
from sim.logs.said import Said
from sim.logs.scanning import Before
from sim.logs.timeforms import time_end
from sim.logs.times import NOTHING, Assumed, read_time

_SOURCES: Final = 1000
"""Sources whose records may be open at a time; of more, the oldest is closed."""
_LINES: Final = 100_000
"""A record that is longer is closed: whatever it is, it is no traceback."""
_RENDERED: Final = 5000
"""Lines of a rendered traceback: they are read together, so they have to be kept."""
_BEGINNING: Final = "Traceback (most recent call last):\n"


class Records:
    """Takes lines and entries of one file, and tells of its records. What it is told by: a scanner.

    wants_all: whether it has to see every line for now. assumed: what a person says of times.
    """

    def __init__(self, tell: Callable[[Record], None], assumed: Assumed = NOTHING) -> None:
        self._tell = tell
        self._assumed = assumed
        self._open: OrderedDict[str, list[Opened]] = OrderedDict()
        """For each source its record that is open; without sources, those of which no traceback is
        at its end, and the last one."""
        self._stray: Opened | None = None
        self._heads = Heads(assumed)

    @property
    def wants_all(self) -> bool:
        """Whether it has to see every line for now."""
        return bool(self._open)

    def text(self, line: str, number: int, before: Before) -> None:
        """Take a line. before: what stands before it."""
        if look(line).is_head and self._is_plainly_head(line):
            self._begin(Came(Line("", "", line), Sort.HEAD, number, before))
            return
        line = strip_colours(line)
        found = split_source(line)
        if (entry := entry_in(found.text)) is not None:
            self._entry(entry, number, found)
            return
        found = self._with_source(found)
        came = place_line(found, number, before, self._last(found.source))
        if self._is_rendered(came):
            return
        if len(lines := unescaped(came.line.text)) > 1:
            self._whole(came, lines)
        elif came.sort is Sort.HEAD:
            self._begin(came)
        else:
            self._go_on(came)

    def entry(self, found: dict[str, Any], number: int) -> None:
        """Take an entry."""
        for one in unwrap(found):
            self._entry(one, number, Line("", "", ""))

    def _entry(self, found: dict[str, Any], number: int, line: Line) -> None:
        """Take one entry. line: what stands around it, if it stands in a line."""
        entry = entry_of(found, self._assumed)
        said = entry.said
        if said.when is None and line.stamp:
            time = read_time(line.stamp, self._assumed)
            said = said._replace(when=time.when, lacks=time.lacks)
        line = Line(entry.source or line.source, "", entry.lines[0])
        came = Came(line, sort_of(line.text), number, Before(), said)
        if len(entry.lines) > 1 or not self._belongs(came):
            self._whole(came, entry.lines)
        else:
            self._go_on(came)

    def finish(self) -> None:
        """Take note that the file ends."""
        for source in list(self._open):
            self._close(source)
        self._say_stray()

    def _say_stray(self) -> None:
        if self._stray is not None:
            self._say(self._stray)
            self._stray = None

    def go_on(self, buffer: str, start: int, end: int) -> int:
        """Take lines of the only traceback that is open, as long as nothing is to be said of them.

        Return where the next line begins. Nearly all lines of tracebacks are such: without a
        source, a time, a column, or escapes.
        """
        among = self._open.get("")
        if among is None or len(among) != 1 or among[0].column is not None:
            return start
        (opened,) = among
        at = start
        if opened.at_its_end and opened.awaits_traceback and buffer.startswith(_BEGINNING, at, end):
            at += len(_BEGINNING)
            opened.add(_BEGINNING[:-1], Sort.START)
        while not opened.at_its_end and (stop := buffer.find("\n", at, end)) >= 0:
            line = buffer[at:stop]
            seen = look(line)
            if not seen.is_within or (line[0] != " " and time_end(line)):
                break
            opened.take(line, seen.sort, seen)
            at = stop + 1
            if opened.lines > _LINES:
                self._close("")
                break
        return at

    def _is_plainly_head(self, line: str) -> bool:
        """Whether a line that looks like a head is one below what is open."""
        last = self._last("")
        return time_end(line) > 0 and (
            last is None or (last.column is None and not last.is_stamped)
        )

    def _with_source(self, line: Line) -> Line:
        """Return a line with its source, where only the first line of a record says it."""
        if line.source or len(self._open) != 1 or "" in self._open:
            return line
        (only,) = self._open
        return line if sort_of(line.text) is Sort.HEAD else line._replace(source=only)

    def _is_rendered(self, came: Came) -> bool:
        """Take a line of a traceback that stands in a column or in a box, if it is one."""
        line, last = came.line, self._last(came.line.source)
        if last is not None and last.column is not None:
            before, text = line.text[: last.column], line.text[last.column :]
            within = came.sort is Sort.BLANK or before.isspace() or not last.column
            if within and came.sort is not Sort.HEAD and last.lines < _RENDERED:
                last.add_rendered(text)
                return True
            return False
        column = column_of(line.text)
        if column is None:
            return False
        if last is None or not last.awaits_traceback:
            self._begin_below(came)
            last = self._open[line.source][-1]
        last.column = column
        last.add_rendered(line.text[column:])
        return True

    def _belongs(self, came: Came) -> bool:
        """Whether an entry is a line of the traceback that the one before it belongs to."""
        last = self._last(came.line.source)
        if last is None or came.sort is Sort.HEAD:
            return False
        if came.sort is Sort.START:
            awaits = last.awaits_traceback and not self._heads.is_later(came, last)
            return awaits or came.line.text[0] in " \t|"
        if came.sort is Sort.OTHER:
            return not last.at_its_end
        return last.has_traceback

    def _last(self, source: str) -> Opened | None:
        among = self._open.get(source)
        return among[-1] if among else None

    def _begin(self, came: Came) -> None:
        """Begin a record with a head line."""
        self._close(came.line.source, but_unfinished=True)
        opened = self._heads.open_head(came)
        self._add(came.line.source, opened, came.line.text, Sort.HEAD)

    def _whole(self, came: Came, lines: Sequence[str]) -> None:
        """Take a record of which all lines are there."""
        source = came.line.source
        self._close(source, but_unfinished=came.said is None)
        opened = self._heads.open(came)
        opened.add_all(lines)
        if came.said is None or len(lines) > 1:
            self._say(opened)
        elif opened.holding or opened.is_error:
            self._open[source] = [opened]

    def _go_on(self, came: Came) -> None:
        """Take a line that is no head."""
        line, sort = came.line, came.sort
        among = self._open.get(line.source, [])
        last = among[-1] if among else None
        unfinished = [one for one in among if not one.at_its_end]
        if sort is Sort.START and (last is None or not last.awaits_traceback):
            nested = last is not None and line.text[0] in " \t|"  # in an exception group
            if not nested and len(unfinished) != 1:
                self._begin_below(came)
                return
            last = unfinished[0] if unfinished else last
        elif sort is not Sort.START and len(unfinished) > 1:
            self._add_stray(came)
            return
        elif sort is not Sort.START and unfinished:
            (last,) = unfinished
        elif last is not None:
            later = sort is Sort.START and self._heads.is_later(came, last)
            last = None if later or not last.goes_on_with(line.text, sort) else last
        if last is None:
            self._close(line.source)
            self._add(line.source, self._heads.open(came), line.text, sort)
        else:
            last.is_stamped = last.is_stamped or came.is_stamped
            self._add_to(last, line.source, line.text, came.sort)

    def _begin_below(self, came: Came) -> None:
        """Begin a record with a traceback, below the line before it if that is a head."""
        line = came.line
        head = None if self._open.get(line.source) else self._heads.above(came)
        self._close(line.source, but_unfinished=True)
        if head is None:
            opened = self._heads.open(came)
        else:
            opened = self._heads.open(came._replace(line=head, number=came.number - 1))
            opened.add(head.text, Sort.HEAD)
        opened.is_stamped = came.is_stamped
        if column_of(line.text) is None:
            self._add(line.source, opened, line.text, Sort.START)
        else:
            opened.has_traceback = True
            self._keep(line.source, opened)

    def _add_stray(self, came: Came) -> None:
        """Take a line of which nobody can say whose it is: of a record whose time nobody knows."""
        if self._stray is None:
            self._stray = Opened(came.number, Said(came.line.text))
        self._stray.add(came.line.text, came.sort)

    def _add(self, source: str, opened: Opened, text: str, sort: Sort) -> None:
        """Open a record with a line, if it may hold something or go on."""
        opened.add(text, sort)
        if opened.holding or opened.is_error:
            self._keep(source, opened)

    def _keep(self, source: str, opened: Opened) -> None:
        self._open.setdefault(source, []).append(opened)
        self._open.move_to_end(source)
        while len(self._open) > _SOURCES:
            self._close(next(iter(self._open)))

    def _add_to(self, opened: Opened, source: str, text: str, sort: Sort) -> None:
        opened.add(text, sort)
        if opened.lines > _LINES:
            self._close(source)

    def _close(self, source: str, but_unfinished: bool = False) -> None:
        """Close the records of a source; but_unfinished: not those within a traceback, where lines
        do not say who wrote them.
        """
        kept = []
        for one in self._open.pop(source, []):
            if but_unfinished and not source and not one.at_its_end:
                kept.append(one)
            else:
                self._say(one)
        if kept:
            self._open[source] = kept
        elif not source:
            self._say_stray()

    def _say(self, opened: Opened) -> None:
        if (record := opened.close()) is not None:
            self._tell(record)
