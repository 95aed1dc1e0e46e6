"""Which patterns a text holds; and where in much text it is worth looking at all."""

import re
from collections.abc import Iterable
from typing import Final

from sim.logs.patterns import PATTERNS

NEEDLES: Final = tuple(
    dict.fromkeys(needle for pattern in PATTERNS for needle in pattern.needles)
) + (r"\u00",)
"""A text without one of these holds no pattern. The last is how JSON writes a plain character in
another way: an entry with it has to be read before it can be said what is in it."""
_LONGEST: Final = max(map(len, NEEDLES))
_FINE: Final = [(re.compile(pattern.regex), pattern) for pattern in PATTERNS]


def marks(text: str, start: int = 0) -> list[int]:
    """Return the places from `start` on where a needle begins, sorted.

    One search per needle is faster than one regular expression for all.
    """
    found = []
    for needle in NEEDLES:
        at = text.find(needle, start)
        while at >= 0:
            found.append(at)
            at = text.find(needle, at + 1)
    return sorted(found)


def more_marks(known: Iterable[int], text: str, length: int) -> list[int]:
    """Return the marks of a text that has grown: `known` are those of its first `length`."""
    start = max(0, length - _LONGEST + 1)
    return [mark for mark in known if mark < start] + marks(text, start)


def matched(text: str) -> list[str]:
    """Return the names of the patterns that stand in `text`, in the order of the table.

    A fallback counts only where no other bad pattern does.
    """
    found = [pattern for regex, pattern in _FINE if regex.search(text)]
    known = any(pattern.kind == "bad" and not pattern.fallback for pattern in found)
    return [pattern.name for pattern in found if not (pattern.fallback and known)]
