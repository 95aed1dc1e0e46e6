"""What one line of a log says of when, how bad and who."""

import re
from typing import Final, NamedTuple

from sim.logs.reading import mend_text
from sim.logs.timeforms import without_time
from sim.logs.times import NOTHING, Assumed, Instant, Lack, Reading, read_time

SEVERITIES: Final = ("debug", "info", "notice", "warning", "error", "critical", "other", "none")
SEVERITY_OF: Final = {
    "trace": "debug", "debug": "debug", "info": "info", "information": "info", "default": "other",
    "notice": "notice", "warn": "warning", "warning": "warning", "err": "error", "error": "error",
    "fatal": "critical", "critical": "critical", "alert": "critical", "emergency": "critical",
    "crit": "critical", "emerg": "critical", "panic": "critical", "severe": "error",
    "exception": "error", "fail": "error",
}  # fmt: skip
SEVERE: Final = frozenset({"error", "critical"})
"""Severities from which on a record is an error, whatever it says."""
HEAD: Final = 200
"""Characters of a line in which its time and severity are looked for."""
_REACH: Final = 2000
"""Characters before and behind a pattern in which its connection is looked for."""
_UPPER = (
    "TRACE|DEBUG|INFO|NOTICE|WARN|WARNING|ERR|ERROR|FATAL|CRITICAL|CRIT|ALERT|EMERGENCY|EMERG|PANIC"
    "|SEVERE"
)
_LOWER = _UPPER.lower()
_SEVERE: Final = re.compile(
    rf"(?:(?<![/\w])|(?<=\[[0-9]{{2}}m))({_UPPER})(?![\w])"
    rf"|(?:\b(?:level|lvl|loglevel|severity|at)=[\"']?|^\W{{0,3}}(?=\w+\W{{0,2}}:)|\[)"
    rf"((?i:{_LOWER}))\b(?!\.)"
    r"|\"(?:level|lvl|severity|levelname|log\.level|loglevel)\"\s*:\s*\"?"
    rf"((?i:{_LOWER})|[56]0)\b"
)
"""A severity in a line: as a word of its own in capitals; in small letters as the value of a key,
in brackets, or with a colon where a line begins; in JSON that cannot be read, or is in a line."""
_LETTER: Final = re.compile(r"\[?([CE])(?:[01][0-9][0-3][0-9]| [0-9]{2,4}-?[0-9]{2}-?[0-9]{2}) ")
"""The letters of glog and tornado."""
_FATAL: Final = re.compile(r"Fatal Python error: |Exception in thread |Unhandled exception\b")
_LEADING: Final = re.compile(rf"[\[<(]?({_UPPER})\s*(?:[\]>):|-]|\s)")
_CONNECTION: Final = re.compile(
    r"(?:connection[_ -]?[iI]d[\\\"' =:]{1,8}|for connection [\\\"']{0,4}|ransitions? for )"
    r"([\w.:@-]{1,128})"
)


class Said(NamedTuple):
    """What a line or an entry says. text: the line that holds the pattern. when: None if it has no
    time. severity: one of SEVERITIES. connection: its id, "" if it names none. revision: service
    and revision that wrote it, "" if that is not said. lacks: what its time does not say, so that
    it is not known.
    """

    text: str
    when: Instant | None = None
    severity: str = "none"
    connection: str = ""
    revision: str = ""
    lacks: Lack = ""


def said_by_line(line: str, at: int = 0, assumed: Assumed = NOTHING, stamp: str = "") -> Said:
    """Return what a line says.

    at: where in it the pattern stands. assumed: see `read_time`. stamp: what its source puts before
    each line; the time there counts if it is known.
    """
    head = line[:HEAD]
    time = time_of(line, stamp, assumed)
    return Said(
        text=stamp + line,
        when=time.when,
        lacks=time.lacks,
        severity=severity_in(without_time(head)),
        connection=connection_in(line[max(0, at - _REACH) : at + _REACH]),
    )


def time_of(line: str, stamp: str, assumed: Assumed) -> Reading:
    """Return the time of a line: that which its source puts before it, if it is known."""
    time = read_time(line[:HEAD], assumed)
    if stamp and (before := read_time(stamp, assumed)) != Reading():
        return before if before.when or not time.when else time
    return time


def severity_in(text: str) -> str:
    """Return the severity that a line says, its time taken away; "none" if it says none."""
    found = _SEVERE.search(text[:HEAD])
    if found is not None:
        word = (found[1] or found[2] or found[3]).lower()
        return SEVERITY_OF.get(word, "error")
    if _LETTER.match(text) or _FATAL.match(text):
        return "error"
    return "none"


def leading_severity(text: str) -> str:
    """Return the severity that a text begins with, a time before it or not; "none" if with none."""
    found = _LEADING.match(without_time(text).lstrip())
    return SEVERITY_OF[found[1].lower()] if found else "none"


def connection_in(text: str) -> str:
    """Return the id of the connection that a text names, "" if it names none."""
    found = _CONNECTION.search(text)
    return "" if found is None else mend_text(found[1].rstrip(".:-"))
