"""What a line says by itself, but for its time: found out once, for lines come again.

Tracebacks are made of the same lines, and so are errors that happen often. A handful of expressions
a line is what reading them costs; a look-up is a tenth of that.
"""

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from sim.logs.lines import (
    AFTER_TIME,
    COLUMN,
    TRACING,
    Sort,
    in_margin,
    names_exception,
    sort_of,
    starts_traceback,
)
from sim.logs.matching import match_patterns
from sim.logs.mechanism import Frame, frame_in
from sim.logs.said import connection_in, severity_in
from sim.logs.timeforms import time_end

_SIBLING: Final = re.compile(r"[\s|]*\+(?:-\+)?-{8,} [0-9.]+ -{8,}")
"""How Python parts the exceptions of a group (Lib/traceback.py, `TracebackException.format`)."""
_BARE: Final = re.compile(r"[A-Za-z_][\w.]*(?:Error|Exception): ")
_RENDERED: Final = re.compile("[\r\x1b]|#033")
"""What is taken away from a line before it is read."""
_AROUND: Final = re.compile(r"[\r\x1b{]|#0|\\n|[^\x00-\x7f]|" + "|".join(map(re.escape, TRACING)))
"""What a head holds that may be more than a head: colours, an entry, line ends that are written as
characters, boxes, a traceback.
"""
_SHORT: Final = 1000
"""Characters of a line that is remembered."""
_KEPT: Final = 8192
"""Lines that are remembered."""


@dataclass(frozen=True, slots=True)
class Look:
    """What a line says. sort: what it is, if no time stands before it. names: of its patterns.
    severity, connection: as in `Said`. frame: the call that it tells of, if it is one of a
    traceback's.
    """

    sort: Sort
    names: tuple[str, ...]
    severity: str
    connection: str
    frame: Frame | None
    starts: bool
    """Whether a traceback begins in it."""
    ends: bool
    """Whether it may say what was raised."""
    is_bare: bool
    """Whether it looks like the last line of a traceback whose others are missing."""
    is_cause: bool
    """Whether what was raised before is told to be the cause of what follows."""
    is_sibling: bool
    """Whether the next one of an exception group begins."""
    is_within: bool
    """Whether it is plainly a line of the traceback that it stands in."""
    is_head: bool
    """Whether a line with a time before this is plainly a head, and nobody's that it names."""


def look(text: str) -> Look:
    """Return what a line says; a time that it begins with is left out."""
    rest = text if text[:1] == " " else text[time_end(text) :]
    return _look(rest) if len(rest) <= _SHORT else _look.__wrapped__(rest)


@lru_cache(maxsize=_KEPT)
def _look(text: str) -> Look:
    sort = sort_of(text)
    return Look(
        sort=sort,
        names=tuple(match_patterns(text)),
        severity=severity_in(text),
        connection=connection_in(text),
        frame=frame_in(text),
        starts=starts_traceback(text),
        ends=(sort is Sort.OTHER or in_margin(text)) and names_exception(text),
        is_bare=_BARE.match(text) is not None,
        is_cause="direct cause of the following" in text,
        is_sibling=_SIBLING.match(text) is not None,
        is_within=_is_within(text, sort),
        is_head=_is_head(text),
    )


def _is_within(text: str, sort: Sort) -> bool:
    within = sort is Sort.FRAME or (sort is Sort.OTHER and names_exception(text))
    bare = text[:1] == " " or (text[:1] != "[" and "|" not in text[:COLUMN])
    return within and bare and _RENDERED.search(text) is None


def _is_head(text: str) -> bool:
    """Whether nothing is in it that renderers and shippers put around a message."""
    inner = text[1:]
    around = text[:1] != " " or _AROUND.search(text) or AFTER_TIME.match(text)
    return not around and sort_of(inner) in (Sort.HEAD, Sort.OTHER)
