"""Which patterns a text holds; and where in much text it is worth looking at all."""

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Final

from ahocorasick_rs import BytesAhoCorasick, Implementation

from sim.logs.lines import MARKS
from sim.logs.patterns import BY_NAME, PATTERNS
from sim.logs.timeforms import without_time

NEEDLES: Final = tuple(
    dict.fromkeys(
        (
            *(needle for pattern in PATTERNS for needle in pattern.needles),
            *MARKS,
            r"\u00",
        )
    )
)
"""A text without one of these holds no pattern, no traceback and no error. The last is how JSON
writes a plain character in another way: only when an entry is read can it be said what is in it."""
_LONGEST: Final = max(map(len, NEEDLES))
_FINDER: Final = BytesAhoCorasick(
    [needle.encode("latin-1") for needle in NEEDLES], implementation=Implementation.DFA
)
"""Looks for all at once, in 2 ns a character. A search for each takes 10, with those together that
begin alike; one expression for all takes 20, for `re` tries every branch at every character."""
_REGEX: Final = {pattern.name: re.compile(pattern.regex) for pattern in PATTERNS}
_RANK: Final = {pattern.name: rank for rank, pattern in enumerate(PATTERNS)}
_SHORT: Final = 1000
"""Characters of a line that may be remembered."""
_KEPT: Final = 8192
"""Lines that are remembered; they come again, but for their times."""
_FINE: Final = [
    (needle, _REGEX[pattern.name].search, pattern)
    for pattern in PATTERNS
    for needle in pattern.needles
]


def marks(text: str, start: int = 0) -> list[int]:
    """Return the places from `start` on where a needle begins, sorted."""
    found = _FINDER.find_matches_as_indexes(text[start:].encode("latin-1"), overlapping=True)
    return sorted(start + at for _, at, _ in found)


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
