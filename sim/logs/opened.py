"""One record: while its lines come, and what is told of it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from sim.logs.lines import Sort, sort_of
from sim.logs.looks import Look, look
from sim.logs.matching import best_of
from sim.logs.mechanism import Chain, prove
from sim.logs.patterns import BY_NAME
from sim.logs.rendered import plain_lines
from sim.logs.said import SEVERE, Said

_FIRST: Final = 3
"""Lines that are kept to tell an error that nobody knows."""
_LINES: Final = 10
"""Lines among which they are."""
_KEPT: Final = 600
"""Characters of each; fewer are shown, and they are cut when what must not be shown is gone."""
_MESSAGE: Final = 20
"""Lines of a message that may stand between a head and its traceback."""


class Record(NamedTuple):
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
class Opened:
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
    was_rejected: bool = False
    """Whether the line before it says that the handshake was refused."""
    is_stamped: bool = False
    """Whether a time stands before each line of its traceback."""
    column: int | None = None
    """Where its traceback stands if that is rendered in a column or in boxes."""
    _first: list[str] = field(default_factory=list)
    _raised: str = ""
    """The last line of its last traceback."""
    _is_bare: bool = False
    """Whether it begins with what was raised, and its traceback is missing."""
    _is_mixed: bool = False
    """Whether frames came behind the end of its traceback: those of another one."""
    _behind: int = 0
    """Lines behind the end of its last traceback."""
    _chain: Chain = field(default_factory=Chain)
    _rendered: list[str] = field(default_factory=list)
    """Lines of a rendered traceback: only all of them together can be read."""

    def add(self, text: str, sort: Sort) -> None:
        """Take a line."""
        self.take(text, sort, look(text))

    def take(self, text: str, sort: Sort, seen: Look) -> None:
        """Take a line that was looked at."""
        self.lines += 1
        if seen.starts:
            self.has_traceback, self.at_its_end, self.goes_on = True, False, False
            self._chain.start()
        elif sort is Sort.CHAIN:
            self.goes_on = True
            if seen.is_cause:
                self._chain.cause()
        elif seen.is_sibling:
            self._chain.part()
        elif seen.ends and not self.at_its_end:
            self.at_its_end, self._raised, self._behind = True, text.strip(" |"), 0
            self._chain.end(self._raised)
        elif seen.frame is not None:
            self._is_mixed = self._is_mixed or (self.has_traceback and self.at_its_end)
            self._chain.add(seen.frame)
        elif not self.at_its_end:
            self._chain.add_code(text)
        elif self.has_traceback:
            self._behind += 1
        if self.lines == 1 and sort is Sort.OTHER and seen.is_bare:
            self._is_bare = True
        if self.lines <= _LINES and len(self._first) < _FIRST and not text.isspace():
            self._first.append(text[:_KEPT])
        if not seen.names:
            return
        for name in seen.names:
            if name not in self.holding or text.strip(" |") == self._raised:
                self.holding[name] = text  # what was raised, and not the line that raised it
        if seen.connection and not self.said.connection:
            self.said = self.said._replace(connection=seen.connection)

    def add_rendered(self, text: str) -> None:
        """Take a line of a traceback that is rendered, without its column."""
        self.lines += 1
        self.has_traceback = True
        self._rendered.append(text)

    def add_all(self, lines: Sequence[str]) -> None:
        """Take all lines of a text."""
        for line in lines:
            self.add(line, sort_of(line))

    @property
    def is_error(self) -> bool:
        """Whether it is an error, whatever it says: a traceback, or of a severity from ERROR on."""
        return self.has_traceback or self._is_bare or self.said.severity in SEVERE

    @property
    def awaits_traceback(self) -> bool:
        """Whether a traceback that begins now is its own."""
        return not self.has_traceback or self.goes_on

    def goes_on_with(self, text: str, sort: Sort) -> bool:
        """Whether a line is its own, where none of its tracebacks is open.

        What is indented belongs to an error; what is not may be one more line of its message.
        """
        if sort is Sort.OTHER:
            lines = self._behind if self.has_traceback else self.lines
            return self.is_error and lines < _MESSAGE and not look(text).names
        return self.is_error or sort is not Sort.FRAME

    def close(self) -> Record | None:
        """Return the record, None if it holds nothing."""
        if self._rendered:
            self.add_all(list(plain_lines(self._rendered)))
        last = look(self._raised).names if self._raised else ()
        if self.has_traceback and "escaped-disconnect" not in last:
            self.holding.pop("escaped-disconnect", None)  # it was caught
        names = best_of(list(self.holding))
        text = self.holding[names[0]] if names else self._raised or self.said.text
        first = list(self._first)
        if self._raised and self._raised[:_KEPT] not in first:
            first = [*first[: _FIRST - 1], self._raised[:_KEPT]]
        if not (names or self.is_error):
            return None
        said = self.said if self.said.text == text else self.said._replace(text=text)
        return Record(
            *(tuple(names), said, self.number, self.has_traceback, tuple(first)),
            proved=prove(names, self._chain.raised, self.was_rejected),
            own=self._chain.own,
            is_unknown=self.is_error and not self._is_known(names),
        )

    def _is_known(self, names: Sequence[str]) -> bool:
        """Whether a pattern says what went wrong: a bad one, or a warning that is all there is."""
        kinds = {BY_NAME[name].kind for name in names}
        if "bad" in kinds or "warning" not in kinds or not self.has_traceback:
            return not kinds.isdisjoint(("bad", "warning"))
        whole = self.at_its_end and not self.goes_on and not self._is_mixed
        return whole and self._chain.is_known
