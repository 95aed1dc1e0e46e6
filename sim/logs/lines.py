"""What a line of text is in a log: the head of a record, or part of one that is open.

Python's own traceback module prints what is told apart here (Lib/traceback.py: `_context_message`,
`_cause_message`, `TracebackException.format`, the margins of exception groups). Head lines are
those of `logging` in the formats that servers set, of gunicorn, of syslog and of journald.
"""

import re
from enum import Enum
from functools import lru_cache
from typing import Final, NamedTuple

from sim.logs.rendered import column_of, is_boxed
from sim.logs.timeforms import TIME, begins_with_time, time_end

_SHORT: Final = 1000
"""Characters of a line that may be remembered."""
_KEPT: Final = 4096
"""Lines that are remembered: those of tracebacks, and heads but for their times, come again."""
TRACING: Final = ("Traceback (most", "above exception")
"""What a line with a time before it may be besides a head."""
COLUMN: Final = 110
"""Characters in which docker compose's bar is looked for."""
_HEAD: Final = 80
"""Characters of a line in which the time or the severity of a head stands."""
_LEVELS = "TRACE|DEBUG|INFO|NOTICE|WARN|WARNING|ERR|ERROR|FATAL|CRITICAL|ALERT|EMERGENCY"
_BEGINS_WITH_LEVEL: Final = re.compile(rf"[\[<(]?(?:{_LEVELS})\b[\]>):| -]", re.IGNORECASE)
_DATED: Final = re.compile(r"\[[0-9][0-9/.:,T +-]{4,40}\]\s")
"""A date in brackets of which nobody can say what it is, as rich writes it by default."""
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
    *("Traceback (most recent", "ERR", "CRIT", "FATAL", "ALERT", "EMERG", "SEVERE", "PANIC"),
    *("rror: ", "rror] ", "xception: ", "atal: ", "anic: ", "Fatal Python error"),
    "Exception in thread",
    *(f"[{word}" for word in ("error", "crit", "alert", "emerg", "fatal", "E 2", "C 2")),
    *(f"={mark}{word}" for mark in ("", "'", '"') for word in ("err", "Err", "fatal", "crit")),
    *(f'"{word}' for word in ("err", "Err", "crit", "Crit", "fatal", "Fatal", "alert", "emerg")),
    *(f'"{word}' for word in ("panic", "severe")),
    *(
        f'"{key}":{space}{digit}'
        for key, digits in (("level", "012356"), ("levelno", "45"), ("severity", "5678"))
        for space in ("", " ")
        for digit in digits
    ),
    *(f'"severityNumber":{space}{digit}' for space in ("", " ") for digit in "12"),
    *(f'"PRIORITY"{colon}"{digit}"' for colon in (":", ": ", " : ") for digit in "0123"),
)
"""A text without one of these opens no record that goes on, and has no severity of an error: words,
also in brackets, behind keys, and in entries, where numbers say so, too (`entry` knows which)."""

_NO_LEVEL = rf"(?!(?:{_LEVELS})\b)"
_HOST = rf"{_NO_LEVEL}[\w.-]{{1,100}}"
_KUBECTL: Final = re.compile(r"\[(?P<source>pod/[\w./-]{1,200})\](?: |$)")
AFTER_TIME: Final = re.compile(
    rf"[ ](?P<source>{_HOST} {_NO_LEVEL}[\w./@-]{{1,100}})(?P<pid>\[[0-9]+\])?: ?"
    r"|[ ](?P<formation>[\w-]{1,100}\.[0-9]{1,5}) *\| ?"
    r"|[ ](?P<dyno>(?:app|heroku)\[[\w.-]{1,100}\]): ?"
    r"|[ \t](?P<stream>stdout|stderr)(?: [FP])?[ \t]"
    r"|\t(?P<tag>[\w.*-]{1,100})\t"
)
"""Besides: foreman, Heroku, what CRI and Docker's agents write, and fluentd."""
_PLACED: Final = re.compile(r"[A-Z][a-z]{2} |[0-9-]{10}T")
"""How the times of syslog and `journalctl` begin: a host without a process ID behind any other may
be the name of a logger."""
_RFC5424: Final = re.compile(
    rf"<[0-9]{{1,3}}>1 {TIME} (?P<source>[\w.-]{{1,255}} [\w./@-]{{1,48}} [\w.-]{{1,128}})"
    r" [\w.-]{1,32} (?:-|(?:\[[^\]]{0,1000}\])+)(?: |$)(?:\xef\xbb\xbf)?"
)
_PRIORITY: Final = re.compile(r"<[0-9]{1,3}>")
_COMPOSE: Final = re.compile(rf"(?P<source>{_NO_LEVEL}(?:[0-9]+\|)?[\w.@-]{{1,200}}) *\| ?")


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
    """Return a line, and who wrote it, where each line says so.

    Known are kubectl logs --prefix; syslog and journalctl with all times that they can be asked
    for; RFC 5424; foreman and honcho; docker compose.
    """
    end, found = 0, None
    if line[:1] == "<":
        found = _RFC5424.match(line)
        priority = _PRIORITY.match(line)
        end = priority.end() if found is None and priority is not None else 0
    if found is None and line.startswith("[pod/"):
        found = _KUBECTL.match(line)
    elif found is None and (time := time_end(line[end:])):
        found = AFTER_TIME.match(line, end + time)
        if found is not None and found.lastgroup == "source":
            found = found if _PLACED.match(line, end) else None
    elif found is None and "|" in line[:COLUMN]:
        found = _COMPOSE.match(line)
    if found is None:
        return Line("", "", line)
    who = (
        (found["source"] + found["pid"])
        if found.lastgroup == "pid"
        else found[found.lastindex or 1]
    )
    return Line(who, line[: found.end()], line[found.end() :])


def sort_of(text: str) -> Sort:
    """Return what a line is, its source taken away."""
    if begins_with_time(text):
        return Sort.HEAD
    return _sort(text) if len(text) <= _SHORT else _sort.__wrapped__(text)


@lru_cache(maxsize=_KEPT)
def _sort(text: str) -> Sort:
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
    """Whether a line begins with a severity, or with keys that say one."""
    if _BEGINS_WITH_LEVEL.match(text) or _DATED.match(text):
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
