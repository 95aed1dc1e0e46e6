"""Blocks of text -> lines and JSON entries, in memory that does not grow with the log.

A log may be lines, JSON Lines, JSON arrays or objects one after the other, printed in one line or
in many, and all of these mixed. What begins with a brace, at the beginning of a line or after
another object, is tried as JSON; everything else is text, line by line. An object that is broken
is counted, its text is looked at like a line, and reading goes on with the next line or the next
object behind it on the same line ("}, {").
"""

import json
import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator
from typing import Any, Final, NamedTuple, Protocol

from sim.logs.matching import marks, more_marks
from sim.logs.rendered import strip_colours

LONGEST: Final = 16 << 20
"""Characters: a longer object is no entry, a longer line is looked at in pieces."""
NESTED: Final = 64 << 10
"""Characters that are read as text where JSON is nested too deeply, so that it is not tried anew at
every brace."""
PATIENCE: Final = 4
"""So many times the log may be read in vain, where broken objects are full of others."""
BROKEN: Final = "JSON that is broken"
CUT: Final = "JSON that is cut at the end"
TOO_LONG: Final = "JSON objects that are too long"
TOO_DEEP: Final = "JSON that is nested too deeply"
_HEAD: Final = 4000
"""Characters of a line before another one that are kept."""
_CODE: Final = 16
"""Characters of a code that colours what follows, at most."""
_MARGIN: Final = 16
"""An error so near to the end of what was read may only mean that the rest is missing."""
_BEGINNING: Final = re.compile(r'\{[ \t\r\n]*(?:["}]|\Z)')
"""How an object begins; all else is told from one without an attempt, whose errors are dear."""
_AROUND = "[ \t\r\\[\\],\xef\xbb\xbf]*"
"""What may stand around objects: brackets and commas of arrays, and a byte order mark."""
_OBJECT: Final = re.compile(_AROUND + r"\{")
_NEXT: Final = re.compile(r"\n" + _AROUND + r"\{")
_BETWEEN: Final = re.compile(_AROUND)
_BEHIND: Final = re.compile(rf"(?:(?!\[\w){_AROUND[:-1]})*")
"""What may stand behind an object; a word in brackets is text."""
_EMPTY: Final = re.compile(r"\n" + _AROUND + r"(?=\n)")
_EMPTY_LINE: Final = re.compile(_AROUND + r"\n")
_AGAIN: Final = re.compile(r"\}\s{0,9},\s{0,9}(?=\{)|\n")


class Before(NamedTuple):
    """What stands before a line, as far as it is at hand. at: where in `buffer` the line begins.
    last: the last line before the buffer.
    """

    buffer: str = ""
    at: int = 0
    last: str = ""

    def lines(self) -> Iterator[str]:
        """Yield the lines, the nearest first."""
        at = self.at
        while at > 0:
            end, at = at - 1, self.buffer.rfind("\n", 0, at - 1) + 1
            yield self.buffer[at:end].removesuffix("\r")[:_HEAD]
        yield self.last

    def holds(self, text: str, within: int) -> bool:
        """Whether a text stands in so many characters before the line."""
        at = self.at
        near = self.buffer.rfind(text, max(0, at - within), at) >= 0
        return near or (at < within and text in self.last)


class Sink(Protocol):
    """Who is told of what may hold a pattern, a traceback or an error; of all if it wants that."""

    @property
    def wants_all(self) -> bool:
        """Whether it has to see every line for now."""

    def go_on(self, buffer: str, start: int, end: int) -> int:
        """Take such lines as go on with what it holds, and return where the next one begins."""

    def text(self, line: str, number: int, before: Before) -> None:
        """Take a line, or a piece of a long or a broken one; `number` counts from 1."""

    def entry(self, found: dict[str, Any], number: int) -> None:
        """Take a JSON object that begins in line `number`."""

    def finish(self) -> None:
        """Take note that the log ends."""


class Scanner:
    """Feed it blocks, then finish.

    lines: line ends so far. entries: lines of text that hold anything, and JSON objects.
    """

    def __init__(self, sink: Sink, longest: int = LONGEST) -> None:
        self.lines = 0
        self.entries = 0
        self.unreadable: Counter[str] = Counter()
        self._sink = sink
        self._longest = longest
        self._decode = json.JSONDecoder().raw_decode
        self._buffer = ""
        self._at = 0
        self._marks: list[int] = []
        self._before = 0
        """Line ends before `_counted`."""
        self._counted = 0
        self._passed = 0
        """Characters before the buffer."""
        self._in_vain = 0
        """Characters of broken objects, in all that were tried."""
        self._open = False
        """Whether the last line has not ended."""
        self._within = False
        """Whether the line at `_at` has begun before."""
        self._text_until = 0
        """Up to here no JSON is tried."""
        self._last = ""
        """The last line before the buffer."""
        self._coloured = ""
        """The beginning of a code that colours what follows."""
        self._wanted = 0
        """So many characters must wait before looking again is of use."""

    def feed(self, block: str) -> None:
        """Take the next block."""
        if "\x1b" in block or self._coloured:
            block = self._without_colours(block)
        before = len(self._buffer)
        self._buffer += block
        self._marks = more_marks(self._marks, self._buffer, before) if before else marks(block)
        self.lines += block.count("\n")
        self._open = not block.endswith("\n")
        if len(self._buffer) >= min(self._wanted, self._longest):
            self._advance(False)
            self._drop()

    def _without_colours(self, block: str) -> str:
        """Return a block without the codes that colour it; a word may be cut by one."""
        block = strip_colours(self._coloured + block)
        at = block.rfind("\x1b", max(0, len(block) - _CODE))
        cut = at if at >= 0 else len(block)
        self._coloured, block = block[cut:], block[:cut]
        return block

    def finish(self) -> None:
        """Take what waits as the end of the log."""
        if self._coloured:
            rest, self._coloured = self._coloured, ""
            self._buffer += rest
        self.lines += self._open
        self._open = False
        self._advance(True)
        self._drop()
        self._sink.finish()

    def _drop(self) -> None:
        """Forget what was looked at, but for the last line."""
        at, self._at = self._at, 0
        end = self._buffer.rfind("\n", 0, at)
        if end >= 0:
            self._last = self._buffer[self._buffer.rfind("\n", 0, end) + 1 : end][:_HEAD]
        self._passed += at
        self._before += self._buffer.count("\n", self._counted, at)
        self._counted = 0
        self._buffer = self._buffer[at:]
        self._marks = [mark - at for mark in self._marks if mark >= at]
        self._text_until = max(0, self._text_until - at)

    def _advance(self, final: bool) -> None:
        self._wanted = 0
        while self._at < len(self._buffer):
            step = self._rest_of_line if self._within else self._from_line_start
            if not step(final):
                # Twice as much next time, so that what waits is not looked at for every block.
                self._wanted = 2 * (len(self._buffer) - self._at)
                break

    def _from_line_start(self, final: bool) -> bool:
        """Take an object, or lines of text up to the next one. Return False to wait for more."""
        buffer, at = self._buffer, self._at
        if (found := _OBJECT.match(buffer, at)) is not None:
            return self._object(found.end() - 1, final)
        following = _NEXT.search(buffer, at)
        end = following.start() + 1 if following else buffer.rfind("\n", at) + 1
        if end <= at:
            if final:
                end = len(buffer)
            elif len(buffer) - at > self._longest:
                end, self._within = at + self._longest, True
            else:
                return False
        self.entries += self._lines_with_text(at, end)
        self._look(at, end)
        self._at = end
        return True

    def _lines_with_text(self, at: int, end: int) -> int:
        buffer = self._buffer
        lines = buffer.count("\n", at, end) + (buffer[end - 1] != "\n")
        empty = len(_EMPTY.findall(buffer, at, end)) + bool(_EMPTY_LINE.match(buffer, at, end))
        if buffer[end - 1] != "\n":
            last = buffer.rfind("\n", at, end) + 1 or at
            empty += _BETWEEN.fullmatch(buffer, last, end) is not None
        return lines - empty

    def _rest_of_line(self, final: bool) -> bool:
        """Take what follows an object or a broken one. Return False to wait for more."""
        buffer = self._buffer
        found = _BEHIND.match(buffer, self._at)
        at = found.end() if found else self._at
        if at == len(buffer):
            self._at = at if final else self._at
            return final
        if buffer[at] == "\n":
            self._at, self._within = at + 1, False
            return True
        if buffer[at] == "{" and at >= self._text_until:
            return self._object(at, final)
        return self._broken_text(at, final)

    def _broken_text(self, at: int, final: bool) -> bool:
        """Look at text up to the next object on the same line, or the end of the line."""
        buffer = self._buffer
        found = _AGAIN.search(buffer, max(at, self._text_until))
        if found is not None:
            end = found.end()
            self._within = buffer[end - 1] != "\n"
        elif final:
            end = len(buffer)
        elif len(buffer) - at > self._longest:
            end = at + self._longest
        else:
            return False
        self._look(at, end)
        self._at = end
        return True

    def _object(self, at: int, final: bool) -> bool:
        """Take the object that begins at `at`. Return False to wait for more of it."""
        if _BEGINNING.match(self._buffer, at) is None:
            return self._unreadable(BROKEN, at, at + 1)
        until = at + 1
        try:
            found, end = self._decode(self._buffer, at)
        except json.JSONDecodeError as error:
            have = len(self._buffer)
            cut = error.pos >= have - _MARGIN or error.msg.startswith("Unterminated string")
            if cut and not final and have - at <= self._longest:
                return False
            why = BROKEN if not cut else CUT if final else TOO_LONG
            if not cut:
                until = max(until, self._until(at, error.pos))
        except RecursionError:
            why, until = TOO_DEEP, at + NESTED
        except ValueError:  # an integer of thousands of digits
            why = BROKEN
        else:
            if end - at <= self._longest:
                self._entry(found, at, end)
                self._at, self._within = end, True
                return True
            why = TOO_LONG
        return self._unreadable(why, at, until)

    def _until(self, at: int, error: int) -> int:
        """Return how far an object at `at` that is broken at `error` is text and no more.

        Objects in it are tried, as long as what was tried in vain is not many times the log.
        """
        self._in_vain += error - at
        patience = self._longest + PATIENCE * (self._passed + at)
        return error if self._in_vain > patience else at

    def _unreadable(self, why: str, at: int, until: int) -> bool:
        """Count the object at `at`; up to `until` its text is not tried as JSON again."""
        self.unreadable[why] += 1
        self._at, self._within, self._text_until = at, True, until
        return True

    def _entry(self, found: dict[str, Any], at: int, end: int) -> None:
        self.entries += 1
        first = bisect_left(self._marks, at)
        if self._sink.wants_all or (first < len(self._marks) and self._marks[first] < end):
            self._sink.entry(found, self._number(at))

    def _look(self, start: int, end: int) -> None:
        """Show the lines between `start` and `end` that may hold something, or all of them."""
        buffer, known, sink = self._buffer, self._marks, self._sink
        index, at = bisect_left(known, start), start
        while at < end:
            if sink.wants_all and (at := sink.go_on(buffer, at, end)) == end:
                break
            first = at
            if not sink.wants_all:
                index = bisect_left(known, at, index)
                if index == len(known) or known[index] >= end:
                    break
                first = buffer.rfind("\n", at, known[index]) + 1 or at
            last = buffer.find("\n", first, end)
            last = end if last < 0 else last
            line = buffer[first:last].removesuffix("\r")
            sink.text(line, self._number(first), Before(buffer, first, self._last))
            at = last + 1

    def _number(self, at: int) -> int:
        """Return the line of a place; it never goes back before one that was asked for."""
        self._before += self._buffer.count("\n", self._counted, at)
        self._counted = at
        return self._before + 1
