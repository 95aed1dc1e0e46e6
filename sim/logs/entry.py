"""One JSON entry of a log: its lines, and what it says of when, how bad and who."""

import json
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

from sim.logs import excdict
from sim.logs.lines import starts_traceback
from sim.logs.matching import match_patterns, place
from sim.logs.reading import mend_text
from sim.logs.rendered import strip_colours
from sim.logs.said import HEAD, SEVERE, SEVERITY_OF, Said, leading_severity, said_by_line
from sim.logs.times import NOTHING, Assumed, Reading, from_number, from_pair, read_time

_LONGEST_NAME: Final = 128
_DEPTH: Final = 8
"""How deep an entry's texts are looked for."""
_IDS: Final = ("connection_id", "connectionId", "conn_id", "connection-id")
_TIMES: Final = (
    *("timestamp", "@timestamp", "time", "ts", "asctime", "datetime", "eventTime"),
    *("_SOURCE_REALTIME_TIMESTAMP", "__REALTIME_TIMESTAMP"),
)
_LEVELS: Final = (
    *("severity", "level", "levelname", "log_level", "log.level", "levelno", "lvl", "loglevel"),
    *("logLevel", "Level", "@l", "severityText", "SeverityText", "severity_text", "severityLevel"),
    *("severityNumber", "SeverityNumber", "status"),
)
_SYSLOG: Final = ("critical",) * 3 + ("error", "warning", "notice", "info", "debug")
_SCALES: Final = {
    "severity": ((600, "critical"), (500, "error"), (400, "warning"), (200, "info"), (0, "none")),
    "levelno": ((50, "critical"), (40, "error"), (30, "warning"), (20, "info"), (0, "debug")),
    "severityNumber": ((21, "critical"), (17, "error"), (13, "warning"), (9, "info"), (0, "debug")),
    "level": ((60, "critical"), (50, "error"), (40, "warning"), (30, "info"), (0, "debug")),
}
"""Severities as numbers, from which on each is meant: Google's, Python's, OpenTelemetry's, pino's.
A level up to 7 is syslog's (RFC 5424, 6.2.1), as in GELF."""
_OUTER: Final = ("time", "timestamp", "@timestamp", "resource", "labels", "stream", "severity")
"""What an entry says of the one that it wraps, unless that one says it itself."""
_MESSAGES: Final = ("textPayload", "message", "MESSAGE", "msg", "event", "log")
_SOURCES: Final = (
    ("_HOSTNAME", "_SYSTEMD_UNIT", "SYSLOG_IDENTIFIER", "_PID"),
    ("service_name", "revision_name", "pod_name", "container_name", "instanceId"),
)
"""Fields that say who wrote an entry: of journald; labels of Google's logs."""
_PAYLOADS: Final = ("jsonPayload", "protoPayload", "log")


@dataclass(frozen=True, slots=True)
class Entry:
    """One JSON entry as a reader sees it."""

    said: Said
    source: str
    """Who wrote it, "" if it does not say that."""
    lines: tuple[str, ...]
    """Its message, and what else of it holds a pattern or a traceback; at least one line."""


def entry_in(text: str) -> dict[str, Any] | None:
    """Return the entry that a text is, None if it is none: what ships lines wraps those in JSON."""
    if not text.lstrip().startswith("{") or not text.rstrip().endswith("}"):
        return None
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def entry_of(found: Mapping[str, Any], assumed: Assumed = NOTHING) -> Entry:
    """Return what an entry says. assumed: see `read_time`."""
    if (inner := entry_in(_message(found))) is not None:
        found = {**{name: found[name] for name in _OUTER if name in found}, **inner}
    message = strip_colours(_message(found)).rstrip("\n")
    parts = [message]
    for text in map(strip_colours, texts(found)):
        if text.rstrip("\n") not in "\n".join(parts) and (
            match_patterns(text) or starts_traceback(text)
        ):
            parts.append(text)
    for value in found.values():
        if excdict.is_traceback(value):
            parts += excdict.lines_of(value)
    text = "\n".join(parts if message or len(parts) == 1 else parts[1:])
    names = match_patterns(text)
    said = said_by_entry(found, text, place(text, names[0]) if names else 0, assumed)
    return Entry(said, _source(found), tuple(text.split("\n")))


def said_by_entry(found: Mapping[str, Any], text: str, at: int, assumed: Assumed = NOTHING) -> Said:
    """Return what an entry says. text: that of it which holds a pattern, at `at`. assumed: see
    `read_time`.

    What the entry does not say in fields of its own is looked for in the text.
    """
    line = said_by_line(text, at, assumed)
    payloads = [found, *(one for name in _PAYLOADS if isinstance(one := found.get(name), dict))]
    times = [time for one in payloads if (time := _time(one, assumed)) != Reading()]
    late = _instant(found.get("receiveTimestamp"), assumed).when
    when = next((time.when for time in times if time.when), None) or line.when or late
    lacks = next((time.lacks for time in times if time.lacks), line.lacks)
    severity = next((level for one in payloads if (level := _severity(one))), line.severity)
    if severity == "none" and (number := _number(found.get("PRIORITY"))) is not None:
        severity = _SYSLOG[min(number, 7)]  # of all that a service prints it is the same
    own = leading_severity(text)
    if own in SEVERE and severity not in SEVERE:
        severity = own  # what collects lines gives those of one stream one severity
    return Said(
        text=text[text.rfind("\n", 0, at) + 1 :].partition("\n")[0],
        when=when,
        lacks=lacks if when is None else "",
        severity=severity,
        connection=_connection_of(found) or line.connection,
        revision=_revision(found),
    )


def texts(found: Mapping[str, Any]) -> Iterator[str]:
    """Yield every text in an entry, the message of its payload among them, in its order."""
    level: list[Any] = [found]
    for _ in range(_DEPTH):
        following: list[Any] = []
        for one in level:
            for value in one.values() if isinstance(one, dict) else one:
                if isinstance(value, str):
                    yield value
                elif isinstance(value, dict | list):
                    following.append(value)
        level = following


def unwrap(found: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the entries of an answer of a logging service, else the object itself."""
    if _message(found):
        return [found]
    for name in ("entries", "events", "data", "results", "records", "logs", "items"):
        inner = found.get(name)
        if isinstance(inner, list) and inner:
            entries = [_row(one) for one in inner]
            if all(entries):
                return [one for one in entries if one is not None]
    return [found]


def _row(value: object) -> dict[str, Any] | None:
    """Return one entry of an answer; fields may stand in a list (CloudWatch), or below a key."""
    if isinstance(value, list) and all(isinstance(one, dict) and "field" in one for one in value):
        return {str(one["field"]).lstrip("@"): one.get("value") for one in value}
    if not isinstance(value, dict):
        return None
    below = value.get("attributes")
    return {**value, **below} if isinstance(below, dict) else value


def _connection_of(found: Mapping[str, Any]) -> str:
    """Return the connection id that stands in a field, wherever that is."""
    level: list[Any] = [found]
    for _ in range(_DEPTH):
        following: list[Any] = []
        for one in level:
            if isinstance(one, dict):
                for key in _IDS:
                    if isinstance(name := one.get(key), str | int) and name:
                        return mend_text(str(name)[:_LONGEST_NAME])
                one = one.values()
            following += (value for value in one if isinstance(value, dict | list))
        level = following
    return ""


def _time(fields: Mapping[str, Any], assumed: Assumed) -> Reading:
    for name in _TIMES:
        if name in fields and (found := _instant(fields[name], assumed)) != Reading():
            return found
    return Reading(from_pair(fields.get("timestampSeconds"), fields.get("timestampNanos")))


def _instant(value: object, assumed: Assumed) -> Reading:
    if isinstance(value, str):
        return read_time(value[:HEAD].strip(), assumed)
    if isinstance(value, dict):
        return Reading(from_pair(value.get("seconds"), value.get("nanos")))
    if isinstance(value, int | float) and not isinstance(value, bool):
        return Reading(from_number(value))
    return Reading()


def _severity(fields: Mapping[str, Any]) -> str:
    for name in _LEVELS:
        value = fields.get(name)
        if (number := _number(value)) is not None:
            if number < len(_SYSLOG) and name == "level":
                return _SYSLOG[number]
            if name == "status":
                continue  # of HTTP
            scale = _SCALES.get(name[0].lower() + name[1:], _SCALES["level"])
            return next(severity for least, severity in scale if number >= least)
        if isinstance(value, str) and value:
            return SEVERITY_OF.get(value.strip().lower(), "other")
    return ""


def _number(value: object) -> int | None:
    """Return a severity that is said as a number, None if it is none."""
    if isinstance(value, str) and value.isascii() and value.isdigit():
        value = int(value[:4])
    is_number = isinstance(value, int) and not isinstance(value, bool)
    return value if is_number and isinstance(value, int) and value >= 0 else None


def _message(found: Mapping[str, Any]) -> str:
    """Return what an entry says, in the field where messages stand."""
    for key in _MESSAGES:
        value = found.get(key)
        if isinstance(value, str):
            return value
        if key == "MESSAGE" and isinstance(value, list):  # of journald, where it is not UTF-8
            with suppress(ValueError, TypeError):
                return bytes(value).decode("latin-1")
    payload = found.get("jsonPayload")
    return _message(payload) if isinstance(payload, dict) else ""


def _source(found: Mapping[str, Any]) -> str:
    """Return who wrote an entry, "" if it does not say that."""
    resource = found.get("resource")
    labels = [found.get("labels"), resource.get("labels") if isinstance(resource, dict) else None]
    journal, google = _SOURCES
    said = [found.get(name) for name in journal]
    said += [one.get(name) for one in labels if isinstance(one, dict) for name in google]
    return "/".join(str(one)[:_LONGEST_NAME] for one in said if one)


def _revision(found: Mapping[str, Any]) -> str:
    """Return "service/revision" of Cloud Run."""
    resource = found.get("resource")
    labels = resource.get("labels") if isinstance(resource, dict) else None
    if not isinstance(labels, dict):
        return ""
    names = [labels.get("service_name"), labels.get("revision_name")]
    return mend_text("/".join(name[:_LONGEST_NAME] for name in names if isinstance(name, str)))
