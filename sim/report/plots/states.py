"""A run as a timeline shows it: the states of a connection as lanes, its events as marks."""

from collections.abc import Iterator, Sequence

from sim.model.record import Event
from sim.model.ticks import ms
from sim.report.plots.lanes import Lane, Mark, Span
from sim.report.trace.events import state_names, windows
from sim.runs.subject import Record


def timeline_parts(
    record: Record, connection: str = "c1"
) -> tuple[tuple[Lane, ...], tuple[Mark, ...], tuple[Span, ...]]:
    """Return lanes, marks and the windows of one connection.

    They begin with the last message that was received, or the connection if there was none, and
    end when the handler leaves its loop: what comes after is clean-up. A connection that is not in
    the record gives nothing.
    """
    events = [one for one in record.events if one.values.get("connection") == connection]
    decided = next((one.tick for one in events if one.kind in ("left", "raised")), None)
    if decided is not None:
        events = [one for one in events if one.tick <= decided]
    begin = _beginning(events)
    lanes = tuple(
        Lane(name, _changes(events, kind, begin))
        for kind, name in state_names(record).items()
        if any(event.kind == kind for event in events)
    )
    shown = [event for event in events if event.tick >= begin]
    marks = tuple(Mark(ms(event.tick), lane, text) for event, lane, text in _marks(shown))
    return lanes, marks, tuple(_windows(events, connection, begin))


def _beginning(events: Sequence[Event]) -> int:
    """Return the tick of the last message that was received, or of the first event."""
    received = [event.tick for event in events if event.kind == "received"]
    return received[-1] if received else events[0].tick if events else 0


def _changes(events: Sequence[Event], kind: str, begin: int) -> tuple[tuple[float, str], ...]:
    changes: list[tuple[float, str]] = []
    for event in events:
        if event.kind == kind:
            at = ms(max(event.tick, begin))
            if changes and changes[-1][0] == at:
                changes.pop()
            changes.append((at, str(event.values["state"])))
    return tuple(changes)


def _marks(events: Sequence[Event]) -> Iterator[tuple[Event, str, str]]:
    for event in events:
        values = event.values
        if event.kind == "injected":
            yield event, "", str(values["do"])
        elif event.kind == "sent" and not values["ok"]:
            yield event, "application_state", f"{values['what']} fails"
        elif event.kind in ("left", "raised"):
            yield event, "", str(values["outcome"])
        elif event.kind == "received":
            yield event, "client_state", "message received"


def _windows(events: Sequence[Event], connection: str, begin: int) -> Iterator[Span]:
    """Yield the windows that begin at a tick or later, and have a length."""
    for one in windows(events):
        if one.connection == connection and one.final is not None:
            start, end = events[one.begin].tick, events[one.final].tick
            if begin <= start < end:
                yield Span(ms(start), ms(end), "window")
