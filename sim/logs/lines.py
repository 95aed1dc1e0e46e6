"""What a line of text is in a log: the head of a record, or part of one that is open.

Python's own traceback module prints what is told apart here (Lib/traceback.py: `_context_message`,
`_cause_message`, `TracebackException.format`, the margins of exception groups). Head lines are
those of `logging` in the formats that servers set, of gunicorn, of syslog and of journald.
"""

import re
from enum import Enum
from typing import Final, NamedTuple

from sim.logs.rendered import column_of, is_boxed
from sim.logs.timeforms import TIME, begins_with_time

_HEAD: Final = 80
"""Characters of a line in which the time or the severity of a head stands."""
_LEVELS = "TRACE|DEBUG|INFO|NOTICE|WARN|WARNING|ERR|ERROR|FATAL|CRITICAL|ALERT|EMERGENCY"
_BEGINS_WITH_LEVEL: Final = re.compile(rf"[\[<(]?(?:{_LEVELS})\b[\]>):| -]", re.IGNORECASE)
_LEVEL_IN_COLUMN: Final = re.compile(rf" {{9,}}(?:{_LEVELS}) {{1,4}}\S")
"""How rich begins a line whose time is that of the one before (rich/_log_render.py)."""
_LOGFMT: Final = re.compile(
    r"[\w.@-]+=(?:\"|\S).{0,300}?\b(?:level|lvl|severity)=|at=(?:" + _LEVELS + r")\b"
)
_CONTEXT: Final = re.compile(
    r"(?:future|task|handle|transport|protocol|socket|asyncgen): <"
    r"|(?:Object|Handle) created at \(most recent call last\):"
)
"""What asyncio writes between a head and its traceback (asyncio/base_events.py,
`default_exception_handler`)."""
_START: Final = re.compile(r"(?:Exception Group )?Traceback \(most recent call last\)")
_CHAIN: Final = re.compile(
    r"[\s|]*(?:During handling of the above exception, another exception occurred:"
    r"|The above exception was the direct cause of the following exception:)"
)
_MARGIN: Final = re.compile(r"\s*(?:\||\+-)")
_EXCEPTION: Final = re.compile(r"[\s|]*[A-Za-z_][\w.]*(?::\s|:?$)")

MARKS: Final = (
    *("Traceback (most recent", "ERROR", "CRITICAL", "FATAL", "ALERT", "EMERGENCY"),
    *("level=error", "level=fatal", "level=critical", "[error", "[critical"),
)
"""A text without one of these opens no record that goes on, and has no severity of an error."""
JSON_MARKS: Final = (
    *('"error"', '"critical"', '"fatal"', '"alert"', '"emergency"', '"err"'),
    *(
        f'"{key}":{space}{digit}'
        for key, digits in (("level", "012356"), ("levelno", "45"), ("severity", "5678"))
        for space in ("", " ")
        for digit in digits
    ),
    *(f'"severityNumber":{space}{digit}' for space in ("", " ") for digit in "12"),
    *(f'"PRIORITY"{colon}"{digit}"' for colon in (":", ": ", " : ") for digit in "0123"),
)
"""How entries say so besides, in words and in numbers (`entry` knows which)."""

_NO_LEVEL = rf"(?!(?:{_LEVELS})\b)"
_HOST = rf"{_NO_LEVEL}[\w.-]{{1,100}}"
_PREFIXES: Final = (
    re.compile(r"\[(?P<source>pod/[\w./-]{1,200})\](?: |$)"),
    re.compile(
        rf"(?:<[0-9]{{1,3}}>)?{TIME} (?P<source>{_HOST} {_NO_LEVEL}[\w./@-]{{1,100}}\[[0-9]+\]): ?"
    ),
    re.compile(
        r"(?:<[0-9]{1,3}>)?(?:[A-Z][a-z]{2} [ 0-9][0-9] [0-9:.]{8,15}|[0-9-]{10}T\S{1,40}) "
        rf"(?P<source>{_HOST} {_NO_LEVEL}[\w./@-]{{1,100}}): ?"
    ),
    re.compile(
        rf"<[0-9]{{1,3}}>1 {TIME} (?P<source>[\w.-]{{1,255}} [\w./@-]{{1,48}} [\w.-]{{1,128}})"
        r" [\w.-]{1,32} (?:-|(?:\[[^\]]{0,1000}\])+)(?: |$)(?:\xef\xbb\xbf)?"
    ),
    re.compile(rf"{TIME} (?P<source>[\w-]{{1,100}}\.[0-9]{{1,5}}) *\| ?"),
    re.compile(rf"(?P<source>{_HOST}) *\| ?"),
)
"""What stands before each line: kubectl logs --prefix; syslog and journalctl with all times that
they can be asked for; RFC 5424; foreman and honcho; docker compose."""


class Line(NamedTuple):
    """A line without what stands before it on each line of its source."""

    source: str
    """Service, pod or process that wrote it, "" if no line says that."""
    stamp: str
    """What stands before it: it may hold its time."""
    text: str


class Sort(Enum):
    """What a line is."""

    HEAD = "head"
    """It begins a record: it has a time or a severity where a line begins."""
    START = "start"
    """A traceback begins."""
    CHAIN = "chain"
    """The next traceback is of the same error."""
    FRAME = "frame"
    """It is indented, or in the margin of an exception group."""
    BLANK = "blank"
    OTHER = "other"


def split_source(line: str) -> Line:
    """Return a line, and who wrote it: as docker compose, kubectl --prefix, and syslog say it."""
    for regex in _PREFIXES:
        found = regex.match(line)
        if found is not None:
            return Line(found["source"], found[0], line[found.end() :])
    return Line("", "", line)


def sort_of(text: str) -> Sort:
    """Return what a line is, its source taken away."""
    if not text or text.isspace():
        return Sort.BLANK
    if _CHAIN.match(text):
        return Sort.CHAIN
    if column_of(text) is not None:
        return Sort.START
    if text[0] in " \t":
        if _START.search(text[:_HEAD]):
            return Sort.START
        return Sort.HEAD if _LEVEL_IN_COLUMN.match(text) else Sort.FRAME
    if is_head(text):
        return Sort.HEAD
    if _START.match(text):
        return Sort.START
    goes_on = _MARGIN.match(text) or _CONTEXT.match(text) or text.startswith("> File ")
    return Sort.FRAME if goes_on or is_boxed(text) else Sort.OTHER


def is_head(text: str) -> bool:
    """Whether a line begins with a time or a severity, or with keys that say one."""
    if _BEGINS_WITH_LEVEL.match(text) or begins_with_time(text[:_HEAD]):
        return True
    return "=" in text[:_HEAD] and _LOGFMT.match(text) is not None


def starts_traceback(text: str) -> bool:
    """Whether a traceback begins in a line, or below it."""
    return _START.search(text) is not None


def in_margin(text: str) -> bool:
    """Whether a line stands in the margin of an exception group."""
    return "|" in text[: len(text) - len(text.lstrip(" |"))]


def names_exception(text: str) -> bool:
    """Whether a line may be the last one of a traceback: what was raised."""
    return _EXCEPTION.match(text) is not None
