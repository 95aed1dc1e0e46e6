"""The log of a simulated run as a real one is written, so that it can be looked at the same way."""

from collections.abc import Iterable, Iterator
from typing import Any, Final

from sim.logs.times import NANOS, write_time
from sim.model.record import Event
from sim.model.ticks import PER_SECOND

START_NS: Final = 1_757_844_000 * NANOS
"""2025-09-14 10:00 UTC, the day of the report's log lines: the time of tick 0."""


def lines_of(events: Iterable[Event], start_ns: int = START_NS) -> Iterator[str]:
    """Yield what the handlers logged as lines of text: time, severity, connection id, text.

    events: a run's trace. start_ns: when it began, in nanoseconds since 1970.
    """
    for event in _logged(events):
        said = event.values
        level = str(said["level"]).upper()
        when = write_time(_ns(event, start_ns))
        yield f"{when} {level} [connection_id={said['connection']}] {said['text']}"


def entries_of(events: Iterable[Event], start_ns: int = START_NS) -> Iterator[dict[str, Any]]:
    """Yield the same as Cloud Logging exports it, one object each."""
    for number, event in enumerate(_logged(events)):
        said = event.values
        yield {
            "insertId": f"{number:08}",
            "jsonPayload": {"message": said["text"], "connection_id": said["connection"]},
            "resource": {
                "type": "cloud_run_revision",
                "labels": {"service_name": "wsrace", "revision_name": "wsrace-00001"},
            },
            "severity": str(said["level"]).upper(),
            "timestamp": write_time(_ns(event, start_ns)),
        }


def _logged(events: Iterable[Event]) -> Iterator[Event]:
    return (event for event in events if event.kind == "log")


def _ns(event: Event, start_ns: int) -> int:
    return start_ns + event.tick * NANOS // PER_SECOND
