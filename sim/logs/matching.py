"""Which patterns a text holds; and where in much text it is worth looking at all."""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache, partial
from itertools import groupby
from os.path import commonprefix
from typing import Final

from sim.logs.lines import JSON_MARKS, MARKING, MARKS
from sim.logs.patterns import BY_NAME, PATTERNS
from sim.logs.timeforms import without_time

NEEDLES: Final = tuple(
    dict.fromkeys(
        (
            *(needle for pattern in PATTERNS for needle in pattern.needles),
            *MARKS,
        )
    )
)
"""A text without one of these holds no pattern, no traceback and no error."""
OF_ENTRIES: Final = (*JSON_MARKS, r"\u00")
"""Nor does an entry without one of these besides. The last is how JSON writes a plain character in
another way: an entry with it has to be read before it can be said what is in it."""
_LONGEST: Final = max(map(len, (*NEEDLES, *OF_ENTRIES)))
_REGEX: Final = {pattern.name: re.compile(pattern.regex) for pattern in PATTERNS}
_RANK: Final = {pattern.name: rank for rank, pattern in enumerate(PATTERNS)}
_LONG: Final = 10
"""Characters from which on `str.find` is faster than `re`."""
_SHORT: Final = 1000
"""Characters of a line that may be remembered."""
_KEPT: Final = 8192
"""Lines that are remembered; they come again, but for their times."""
_FINE: Final = [
    (needle, _REGEX[pattern.name].search, pattern)
    for pattern in PATTERNS
    for needle in pattern.needles
]


Places = Callable[[str, int], Iterable[int]]
"""Yields where something stands in a text, from a place on."""


def _together(needles: Sequence[str], shared: int = 4) -> Sequence[Places]:
    """Return what finds all of some needles. shared: those that begin with so many equal characters
    are looked for together.

    One search for each beginning is much faster than one for all: `re` looks for what an
    expression must begin with at 0.3 ns a character, and else tries every branch at every
    character, 20 ns for all of these. `str.find` is faster still where a needle is long, 0.2 ns.
    """
    groups = (list(group) for _, group in groupby(sorted(needles), lambda one: one[:shared]))
    found = []
    for group in groups:
        start = commonprefix(group)  # noqa: RUF071 - of strings, as is meant
        rest = "|".join(re.escape(one[len(start) :]) for one in sorted(group, reverse=True))
        alone = len(group) == 1 and len(start) >= _LONG
        found.append(
            partial(_find, start)
            if alone
            else partial(_search, re.compile(f"{re.escape(start)}(?:{rest})"))
        )
    return found


def _find(needle: str, text: str, start: int) -> Iterator[int]:
    at = text.find(needle, start)
    while at >= 0:
        yield at
        at = text.find(needle, at + 1)


def _search(regex: re.Pattern[str], text: str, start: int) -> Iterator[int]:
    return (found.start() for found in regex.finditer(text, start))


_SEARCHES: Final[Sequence[Places]] = (
    *_together(NEEDLES),
    *(partial(_search, re.compile(regex)) for regex in MARKING),
)
_OF_ENTRIES: Final = _together(OF_ENTRIES)


def marks(text: str, start: int = 0) -> list[int]:
    """Return the places from `start` on where a needle begins, sorted."""
    searches = [*_SEARCHES, *_OF_ENTRIES] if "{" in text else _SEARCHES
    return sorted(place for one in searches for place in one(text, start))


def more_marks(known: Iterable[int], text: str, length: int) -> list[int]:
    """Return the marks of a text that has grown: `known` are those of its first `length`."""
    start = max(0, length - _LONGEST + 1)
    return [mark for mark in known if mark < start] + marks(text, start)


def match_patterns(text: str) -> list[str]:
    """Return the names of the patterns that stand in `text`, in the order of the table.

    A fallback counts only where no other bad pattern does.
    """
    text = without_time(text)
    return list(_match(text) if len(text) <= _SHORT else _match.__wrapped__(text))


@lru_cache(maxsize=_KEPT)
def _match(text: str) -> tuple[str, ...]:
    found: list[str] = []
    for needle, search, pattern in _FINE:
        if needle in text and pattern.name not in found and search(text):
            found.append(pattern.name)
    return tuple(best_of(found))


def best_of(names: list[str]) -> list[str]:
    """Return the names of patterns, in the order of the table, without fallbacks that are not
    needed.
    """
    if len(names) < 2:
        return names
    found = [BY_NAME[name] for name in sorted(names, key=_RANK.__getitem__)]
    if any(one.kind == "bad" and not one.fallback for one in found):
        found = [one for one in found if not one.fallback]
    return [one.name for one in found]


def place(text: str, name: str) -> int:
    """Return where a text that holds a pattern holds it."""
    found = _REGEX[name].search(text)
    return found.start() if found else 0
