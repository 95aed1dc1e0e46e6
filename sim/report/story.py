"""What a run was like: its states as lanes, its events as marks, its steps as lines of text."""

from collections.abc import Iterator, Sequence

from sim.model.record import Event, Value
from sim.model.ticks import ms
from sim.report.plots import Lane, Mark, Span
from sim.runs.subject import Record

LANES = {
    "client_state": "client_state",
    "application_state": "application_state",
    "machine": "state machine",
}
HIDDEN = frozenset({"wire", "probe", "asgi.send", "asgi.receive", "frame", "log"})
"""Kinds of events that a short telling leaves out."""


def story(
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
        for kind, name in LANES.items()
        if any(event.kind == kind for event in events)
    )
    shown = [event for event in events if event.tick >= begin]
    marks = tuple(Mark(ms(event.tick), lane, text) for event, lane, text in _marks(shown))
    return lanes, marks, tuple(_windows(shown))


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


def _windows(events: Sequence[Event]) -> Iterator[Span]:
    start: Event | None = None
    for event in events:
        if event.kind == "probe" and event.values["at"] == "validated":
            start = event
        elif event.kind == "probe" and event.values["at"] == "final_check" and start is not None:
            if event.tick > start.tick:
                yield Span(ms(start.tick), ms(event.tick), "window")
            start = None


def lines(record: Record, everything: bool = False) -> Iterator[str]:
    """Yield a run as text: time, task, what happened and its values, one line per event.

    everything: also the kinds of events in HIDDEN. Long values are cut.
    """
    for event in record.events:
        if everything or event.kind not in HIDDEN:
            values = {key: value for key, value in event.values.items() if key != "connection"}
            told = " ".join(f"{key}={_plain(value)}" for key, value in values.items())
            yield f"{ms(event.tick):12.3f} ms  {event.task:40} {event.kind:18} {told}".rstrip()


def _plain(value: Value) -> str:
    text = str(value)
    shown = text if len(text) <= 100 else text[:97] + "..."
    return repr(shown) if " " in shown or not shown.isprintable() else shown
