"""What the lines of a log add up to."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final

from sim.logs.bounded import KEYS, Frequent, Stretches
from sim.logs.matching import place
from sim.logs.opened import Record
from sim.logs.patterns import ERROR, KINDS, PATTERNS
from sim.logs.reading import mend_text
from sim.logs.redaction import redact
from sim.logs.said import Said
from sim.logs.times import NANOS

EXAMPLE: Final = 300
"""Characters of an example that are kept."""
_LINES: Final = 20
"""Lines of somebody's own that are counted, for each pattern."""
_TURNED: Final = 3
"""So many records more have to be earlier than the one before them."""
_TOLD: Final = 3
"""Errors that nobody knows, of which the first lines are kept."""
_COLUMN: Final = {pattern.name: KINDS.index(pattern.kind) for pattern in PATTERNS}


@dataclass(frozen=True, slots=True)
class Span:
    """From when to when, in nanoseconds since 1970; None where no time was said."""

    first: int | None = None
    last: int | None = None

    def with_time(self, ns: int | None) -> "Span":
        """Return the span that also covers `ns`."""
        if ns is None:
            return self
        if self.first is None or self.last is None:
            return Span(ns, ns)
        if self.first <= ns <= self.last:
            return self
        return Span(min(self.first, ns), max(self.last, ns))


@dataclass(frozen=True, slots=True)
class Example:
    """The first line of a pattern, as read. line: counted from 1. text: cut, not made printable."""

    file: str
    line: int
    text: str


@dataclass(frozen=True, slots=True)
class Unknown:
    """An error that nobody knows: where it begins, and its first lines, cut."""

    file: str
    line: int
    first: tuple[str, ...]


Also = Callable[[str, Record], None]
"""Told of every record that holds a pattern or is an error, with its file."""


@dataclass(slots=True)
class PatternCount:
    """How often a pattern was met: in all, from when to when, without a time, by severity."""

    hits: int = 0
    span: Span = field(default_factory=Span)
    timeless: int = 0
    severities: Counter[str] = field(default_factory=Counter)
    example: Example | None = None
    proved: Counter[str] = field(default_factory=Counter)
    """In how many records the tracebacks prove which mechanism."""
    own: Counter[str] = field(default_factory=Counter)
    """Lines of somebody's own at which it was raised; the first ones."""


@dataclass(frozen=True, slots=True)
class Between:
    """The times that are asked for, in nanoseconds since 1970; None for no end."""

    since: int | None = None
    until: int | None = None

    def holds(self, ns: int | None) -> bool:
        """Whether a time is asked for; what has none is not if any end is given."""
        if self.since is None and self.until is None:
            return True
        if ns is None:
            return False
        return (self.since is None or self.since <= ns) and (self.until is None or ns < self.until)


class Counts:
    """Counts records. One for all files; name each with `begin`.

    A record is one hit of each pattern that it holds. kinds: records with a bad pattern, else a
    warning, else a good one. unknown: errors without any. undated: of errors and of records with a
    bad pattern, those without a time where times are asked for. Connections and revisions are
    counted for bad and warning ones. stretches: a column for each of KINDS, and one for ERROR.
    also: is told of every record, whatever its time. raw: keep examples as they are, with what they
    tell of people and secrets.
    """

    def __init__(
        self, between: Between | None = None, also: Also | None = None, raw: bool = False
    ) -> None:
        self._shown = as_it_is if raw else redact
        self._called = lru_cache(maxsize=KEYS)(self._shown)
        """What may be shown of the name of a connection."""
        self.patterns = {pattern.name: PatternCount() for pattern in PATTERNS}
        self.kinds = dict.fromkeys(KINDS, 0)
        self.stretches = Stretches(len(KINDS) + 1)
        self.connections = Frequent()
        self.revisions = Frequent(100)
        self.unzoned = 0
        self.timeless = 0
        self.lacking: Counter[str] = Counter()
        """Of records, those whose time says no date, or no year."""
        self.outside = 0
        self.unknown = 0
        self.undated = 0
        self.first_unknown: list[Unknown] = []
        self._between = between or Between()
        self._also = also
        self._file = ""
        self._before: int | None = None
        self._later = 0
        """How many records are later than the one before them in their file, less those that are
        earlier."""

    @property
    def is_newest_first(self) -> bool:
        """Whether records come in the order of time turned round."""
        return self._later <= -_TURNED

    def begin(self, file: str) -> None:
        """Say which file the next lines are from."""
        self._file = file
        self._before = None

    def add(self, record: Record) -> None:
        """Count a record."""
        if self._also is not None:
            self._also(self._file, record)
        if record.names:
            self._hit(record)
        if record.said.when is not None:
            ns = record.said.when.ns
            if self._before is not None:
                self._later += (ns > self._before) - (ns < self._before)
            self._before = ns
        if record.said.lacks and (record.names or record.is_unknown):
            self.lacking[record.said.lacks] += 1
        if record.is_unknown and self._is_asked_for(record.said, counts=True):
            self.unknown += 1
            if len(self.first_unknown) < _TOLD:
                lines = tuple(self._shown(mend_text(line))[:EXAMPLE] for line in record.first)
                self.first_unknown.append(Unknown(self._file, record.number, lines))

    def _is_asked_for(self, said: Said, counts: bool) -> bool:
        """Whether a record lies within the times; one without any is told if it would count."""
        ns = said.when.ns if said.when else None
        if self._between.holds(ns):
            return True
        self.undated += ns is None and counts
        return False

    def _hit(self, record: Record) -> None:
        names, said = record.names, record.said
        ns = said.when.ns if said.when else None
        column = _column(names)
        if not self._is_asked_for(said, counts=KINDS[column] == "bad"):
            self.outside += 1
            return
        self.kinds[KINDS[column]] += 1
        if said.when is None:
            self.timeless += 1
        else:
            self.unzoned += not said.when.zoned
            error = (len(KINDS),) if ERROR in names else ()
            self.stretches.add(said.when.ns // NANOS, column, *error)
        if KINDS[column] != "good":
            if said.connection:
                self.connections.add(self._called(said.connection), column, 2)
            if said.revision:
                self.revisions.add(said.revision, column, 2)
        for name in names:
            count = self.patterns[name]
            count.hits += 1
            count.timeless += ns is None
            count.span = count.span.with_time(ns)
            count.severities[said.severity] += 1
            if record.proved:
                count.proved[record.proved] += 1
            if record.own and (record.own in count.own or len(count.own) < _LINES):
                count.own[record.own] += 1
            if count.example is None:
                count.example = example_of(self._file, record.number, said, name, self._shown)


@lru_cache(maxsize=1000)
def _column(names: tuple[str, ...]) -> int:
    """Return which of KINDS a record with these patterns is."""
    return min(_COLUMN[name] for name in names)


def as_it_is(text: str) -> str:
    """Return a text as it is, for who wants to see examples raw."""
    return text


def example_of(
    file: str, number: int, said: Said, name: str, shown: Callable[[str], str] = redact
) -> Example:
    """Return what stands around a pattern in a line or an entry.

    number: its line. shown: makes of it what may be shown.
    """
    start = max(0, place(said.text, name) - EXAMPLE // 2)
    text = shown(mend_text(said.text[max(0, start - EXAMPLE) : start + 2 * EXAMPLE]))
    if start:  # cut only now: half an address is none that can be told
        at = max(0, place(text, name) - EXAMPLE // 2)
        text = text[at:]
    return Example(file, number, text[:EXAMPLE])
