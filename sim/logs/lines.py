"""What a line of text is in a log: the head of a record, or part of one that is open.

Python's own traceback module prints what is told apart here (Lib/traceback.py: `_context_message`,
`_cause_message`, `TracebackException.format`, the margins of exception groups). Head lines are
those of `logging` in the formats that servers set, of gunicorn, of syslog and of journald.
"""

import re
from enum import Enum
from typing import Final, NamedTuple

from sim.logs.timeforms import begins_with_time

_HEAD: Final = 80
"""Characters of a line in which the time or the severity of a head stands."""
_LEVELS = "TRACE|DEBUG|INFO|NOTICE|WARN|WARNING|ERR|ERROR|FATAL|CRITICAL|ALERT|EMERGENCY"
_BEGINS_WITH_LEVEL: Final = re.compile(rf"[\[<(]?(?:{_LEVELS})\b[\]>):| -]", re.IGNORECASE)
_START: Final = re.compile(r"(?:Exception Group )?Traceback \(most recent call last\)")
_CHAIN: Final = re.compile(
    r"[\s|]*(?:During handling of the above exception, another exception occurred:"
    r"|The above exception was the direct cause of the following exception:)"
)
_MARGIN: Final = re.compile(r"\s*(?:\||\+-)")
_EXCEPTION: Final = re.compile(r"[\s|]*[A-Za-z_][\w.]*(?::\s|:?$)")

MARKS: Final = (
    *("Traceback (most recent", "ERROR", "CRITICAL", "FATAL", "ALERT", "EMERGENCY"),
    *("level=error", "level=fatal", "level=critical"),
)
"""A text without one of these opens no record that goes on, and has no severity of an error."""
JSON_MARKS: Final = ('"error"', '"critical"', '"fatal"', '"alert"', '"emergency"', '"err"')
"""How entries say so besides."""

_PREFIXES: Final = (
    re.compile(r"\[(?P<source>pod/[\w./-]{1,200})\] "),
    re.compile(
        r"(?:<[0-9]{1,3}>)?[A-Z][a-z]{2} [ 0-9][0-9] [0-9:]{8} "
        r"(?P<source>[\w.-]{1,100} [\w./@-]{1,100}(?:\[[0-9]+\])?): ?"
    ),
    re.compile(
        r"[0-9]{4}-[0-9]{2}-[0-9]{2}T\S{1,40} "
        r"(?P<source>[\w.-]{1,100} [\w./@-]{1,100}\[[0-9]+\]): ?"
    ),
    re.compile(
        rf"(?:\x1b\[[0-9;]*m)?(?!(?:{_LEVELS})\b)(?P<source>[\w.-]{{1,100}}) *\| ?(?:\x1b\[0m)?"
    ),
)
"""What stands before each line: kubectl logs --prefix, syslog and journalctl, the latter with
--output=short-iso, docker compose."""


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
    if text[0] in " \t":
        return Sort.START if _START.search(text[:_HEAD]) else Sort.FRAME
    if is_head(text):
        return Sort.HEAD
    if _START.match(text):
        return Sort.START
    return Sort.FRAME if _MARGIN.match(text) else Sort.OTHER


def is_head(text: str) -> bool:
    """Whether a line begins with a time or a severity."""
    return _BEGINS_WITH_LEVEL.match(text) is not None or begins_with_time(text[:_HEAD])


def starts_traceback(text: str) -> bool:
    """Whether a traceback begins in a line, or below it."""
    return _START.search(text) is not None


def in_margin(text: str) -> bool:
    """Whether a line stands in the margin of an exception group."""
    return "|" in text[: len(text) - len(text.lstrip(" |"))]


def names_exception(text: str) -> bool:
    """Whether a line may be the last one of a traceback: what was raised."""
    return _EXCEPTION.match(text) is not None
