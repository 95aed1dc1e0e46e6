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
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any, Final

from sim.logs.entry import Said, said_by_entry, said_by_line, texts, unwrap
from sim.logs.lines import (
    Line,
    Sort,
    in_margin,
    names_exception,
    sort_of,
    split_source,
    starts_traceback,
)
from sim.logs.matching import best_of, match_patterns, place
from sim.logs.mechanism import REJECTED, Chain, prove
from sim.logs.patterns import BY_NAME
from sim.logs.times import NOTHING, Assumed

_SOURCES: Final = 1000
"""Sources whose records may be open at a time; of more, the oldest is closed."""
_BACK: Final = 400
"""Lines in which the head of a traceback is looked for, where sources are mixed."""
_LINES: Final = 100_000
"""A record that is longer is closed: whatever it is, it is no traceback."""
_FIRST: Final = 3
"""Lines that are kept to tell an error that nobody knows."""
_KEPT: Final = 300
"""Characters of each."""
SEVERE: Final = frozenset({"error", "critical"})

Back = Callable[[], Iterator[str]]
"""Yields the lines before one, the nearest first, as far as they are at hand."""


@dataclass(frozen=True, slots=True)
class Record:
    """One record that holds something. names: of its patterns. number: its first line, from 1.
    text: of its head, or of what was raised, for one without a pattern.
    """

    names: tuple[str, ...]
    said: Said
    number: int
    has_traceback: bool
    first: tuple[str, ...]
    proved: str = ""
    """The mechanism that its tracebacks prove, a key of `MECHANISMS`; "" for none."""
    own: str = ""
    """The line of somebody's own at which it was raised, "file:line"."""
    is_unknown: bool = False
    """Whether it is an error, and no pattern says which: of a traceback what was raised last."""


@dataclass(slots=True)
class _Open:
    """A record that may go on."""

    number: int
    said: Said
    """What its head says: time, severity, perhaps a connection."""
    lines: int = 0
    holding: dict[str, str] = field(default_factory=dict)
    """Its patterns, with the first line that holds each."""
    has_traceback: bool = False
    at_its_end: bool = True
    """Whether what was raised was named: False within a traceback."""
    goes_on: bool = False
    """Whether another traceback of the same error follows."""
    first: list[str] = field(default_factory=list)
    raised: str = ""
    """The last line of its last traceback."""
    chain: Chain = field(default_factory=Chain)
    was_rejected: bool = False
    """Whether the line before it says that the handshake was refused."""

    def add(self, text: str, sort: Sort) -> None:
        """Take a line."""
        self.lines += 1
        if starts_traceback(text):
            self.has_traceback, self.at_its_end, self.goes_on = True, False, False
            self.chain.start()
        elif sort is Sort.CHAIN:
            self.goes_on = True
        elif not self.at_its_end and _ends_traceback(text, sort):
            self.at_its_end, self.raised = True, text.strip(" |")
            self.chain.end(self.raised)
        else:
            self.chain.add(text)
        for name in match_patterns(text):
            if name not in self.holding or text.strip(" |") == self.raised:
                self.holding[name] = text  # what was raised, and not the line that raised it
        if len(self.first) < _FIRST and not text.isspace():
            self.first.append(text[:_KEPT])
        if not self.said.connection and self.holding:
            found = said_by_line(text, 0).connection
            self.said = replace(self.said, connection=found)

    @property
    def is_error(self) -> bool:
        """Whether it is an error, whatever it says: a traceback, or of a severity from ERROR on."""
        return self.has_traceback or self.said.severity in SEVERE

    @property
    def awaits_traceback(self) -> bool:
        """Whether a traceback that begins now is its own."""
        return not self.has_traceback or self.goes_on

    def close(self) -> Record | None:
        """Return the record, None if it holds nothing."""
        last = match_patterns(self.raised)
        if self.has_traceback and "escaped-disconnect" not in last:
            self.holding.pop("escaped-disconnect", None)  # it was caught
        names = best_of(list(self.holding))
        text = self.holding[names[0]] if names else self.raised or self.said.text
        first = list(self.first)
        if self.raised and self.raised[:_KEPT] not in first:
            first = [*first[: _FIRST - 1], self.raised[:_KEPT]]
        said = replace(self.said, text=text)
        if not (names or self.is_error):
            return None
        is_known = any(BY_NAME[name].kind == "bad" for name in names)
        is_known = is_known or bool(last if self.has_traceback else names)
        return Record(
            *(tuple(names), said, self.number, self.has_traceback, tuple(first)),
            proved=prove(names, self.chain.raised, self.was_rejected),
            own=self.chain.own,
            is_unknown=self.is_error and not is_known,
        )


class Records:
    """Takes lines and entries of one file, and tells of its records. What it is told by: a scanner.

    wants_all: whether it has to see every line for now.
    """

    def __init__(self, tell: Callable[[Record], None], assumed: Assumed = NOTHING) -> None:
        self._tell = tell
        self._assumed = assumed
        self._open: OrderedDict[str, list[_Open]] = OrderedDict()
        """For each source its record that is open; without sources, those of which no traceback is
        at its end, and the last one."""
        self._stray: _Open | None = None

    @property
    def wants_all(self) -> bool:
        """Whether it has to see every line for now."""
        return bool(self._open)

    def text(self, line: str, number: int, back: Back) -> None:
        """Take a line. back: yields those before it."""
        found = split_source(line)
        sort = sort_of(found.text)
        if sort is Sort.HEAD:
            self._begin(found, number, back)
        else:
            self._go_on(found, sort, number, back)

    def entry(self, found: dict[str, Any], number: int) -> None:
        """Take an entry."""
        for one in unwrap(found):
            self._one_entry(one, number)

    def finish(self) -> None:
        """Take note that the file ends."""
        for source in list(self._open):
            self._close(source)
        self._say_stray()

    def _say_stray(self) -> None:
        if self._stray is not None:
            self._say(self._stray)
            self._stray = None

    # -- lines ---------------------------------------------------------------------------------

    def _begin(self, line: Line, number: int, back: Back) -> None:
        """Begin a record with a head line."""
        self._close(line.source, but_unfinished=True)
        opened = self._opened(line, number)
        if opened.said.severity in SEVERE:
            before = _line_before(line.source, back)
            opened.was_rejected = before is not None and REJECTED.search(before.text) is not None
        self._add(line.source, opened, line.text, Sort.HEAD)

    def _go_on(self, line: Line, sort: Sort, number: int, back: Back) -> None:
        """Take a line that is no head."""
        among = self._open.get(line.source, [])
        last = among[-1] if among else None
        unfinished = [one for one in among if not one.at_its_end]
        if sort is Sort.START and (last is None or not last.awaits_traceback):
            nested = last is not None and line.text[0] in " \t|"  # in an exception group
            if not nested and len(unfinished) != 1:
                self._start(line, number, None if among else _head_before(line.source, back))
                return
            last = unfinished[0] if unfinished else last
        elif sort is not Sort.START and len(unfinished) > 1:
            self._add_stray(line, sort, number)
            return
        elif sort is not Sort.START and unfinished:
            (last,) = unfinished
        elif sort is Sort.OTHER or (sort is Sort.FRAME and last and not last.is_error):
            last = None
        if last is None:
            self._close(line.source)
            self._add(line.source, self._opened(line, number), line.text, sort)
        else:
            self._add_to(last, line.text, sort, line.source)

    def _start(self, line: Line, number: int, head: Line | None) -> None:
        """Begin a record with a traceback. head: the line before it, if that is its head."""
        self._close(line.source, but_unfinished=True)
        if head is None:
            opened = _Open(number, Said(line.text))
        else:
            opened = self._opened(head, number - 1)
            opened.add(head.text, Sort.HEAD)
        self._add(line.source, opened, line.text, Sort.START)

    def _add_stray(self, line: Line, sort: Sort, number: int) -> None:
        """Take a line of which nobody can say whose it is: of a record whose time nobody knows."""
        if self._stray is None:
            self._stray = _Open(number, Said(line.text))
        self._stray.add(line.text, sort)

    def _opened(self, line: Line, number: int) -> _Open:
        """Return a record that begins with a line."""
        return _Open(number, said_by_line(line.text, 0, self._assumed, line.stamp))

    def _add(self, source: str, opened: _Open, text: str, sort: Sort) -> None:
        """Open a record with a line, if it may hold something or go on."""
        opened.add(text, sort)
        if not (opened.holding or opened.is_error):
            return
        self._open.setdefault(source, []).append(opened)
        self._open.move_to_end(source)
        while len(self._open) > _SOURCES:
            self._close(next(iter(self._open)))

    def _add_to(self, opened: _Open, text: str, sort: Sort, source: str) -> None:
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

    def _say(self, opened: _Open) -> None:
        if (record := opened.close()) is not None:
            self._tell(record)

    # -- entries -------------------------------------------------------------------------------

    def _one_entry(self, found: dict[str, Any], number: int) -> None:
        """Take an entry; one that is a line of a traceback belongs to the entry before it."""
        every = list(texts(found))
        holding = [text for text in every if match_patterns(text)]
        tracing = [text for text in every if starts_traceback(text)]
        names = match_patterns("\n".join(holding)) if holding else []
        text = next((one for one in holding if names[0] in match_patterns(one)), "")
        if not text:
            text = next(iter(tracing), "") or _message(found)
        said = said_by_entry(found, text, place(text, names[0]) if names else 0, self._assumed)
        source = said.revision
        sort = sort_of(text) if "\n" not in text.rstrip("\n") else Sort.HEAD
        among = self._open.get(source, [])
        if among and _belongs(text, sort, among[-1]):
            among[-1].add(text, sort)
            for name in names:
                among[-1].holding.setdefault(name, said.text)
            return
        self._close(source)
        opened = _Open(number, said)
        for line in text.split("\n"):
            opened.add(line, sort_of(line) if starts_traceback(text) else Sort.HEAD)
        opened.holding.update((name, said.text) for name in names)
        opened.at_its_end = "\n" in text or not opened.has_traceback
        if opened.holding or opened.is_error:
            self._open[source] = [opened]


def _belongs(text: str, sort: Sort, last: _Open) -> bool:
    """Whether an entry is a line of the traceback that the one before it belongs to."""
    if sort is Sort.START:
        return last.awaits_traceback or text[0] in " \t|"
    if sort is Sort.OTHER:
        return not last.at_its_end and bool(text)
    return sort is not Sort.HEAD and last.has_traceback and bool(text)


def _ends_traceback(text: str, sort: Sort) -> bool:
    return (sort is Sort.OTHER or in_margin(text)) and names_exception(text)


def _line_before(source: str, back: Back) -> Line | None:
    """Return the last line of a source that is not blank, None if it is too far back."""
    for line in islice(back(), _BACK):
        found = split_source(line)
        if found.source == source and sort_of(found.text) is not Sort.BLANK:
            return found
    return None


def _head_before(source: str, back: Back) -> Line | None:
    """Return the head line right before a traceback of a source, None if there is none."""
    found = _line_before(source, back)
    return found if found is not None and sort_of(found.text) is Sort.HEAD else None


def _message(found: dict[str, Any]) -> str:
    """Return what an entry says, in the field where messages stand."""
    for key in ("textPayload", "message", "msg", "event", "log"):
        if isinstance(text := found.get(key), str):
            return text
    payload = found.get("jsonPayload")
    return _message(payload) if isinstance(payload, dict) else ""
