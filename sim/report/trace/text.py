"""A run as lines: of text, short or whole, or of JSON."""

from collections.abc import Iterator

from sim.kernel.trace import lines as trace_lines
from sim.model.events import is_noise
from sim.model.plain import printable
from sim.model.record import Value
from sim.model.ticks import ms
from sim.runs.subject import Record


def short(record: Record) -> str:
    """Return one line per event, without what only repeats others."""
    return "".join(f"{line}\n" for line in lines(record))


def whole(record: Record) -> str:
    """Return one line per event."""
    return "".join(f"{line}\n" for line in lines(record, everything=True))


def json_lines(record: Record) -> str:
    """Return the trace as it is compared and kept: a line of JSON per event."""
    return trace_lines(record.events)


def lines(record: Record, everything: bool = False) -> Iterator[str]:
    """Yield a run as text: time, task, what happened and its values, one line per event.

    everything: also what only repeats others. Long values are cut.
    """
    for event in record.events:
        if everything or not is_noise(event):
            values = {key: value for key, value in event.values.items() if key != "connection"}
            told = " ".join(f"{key}={_plain(value)}" for key, value in values.items())
            line = f"{ms(event.tick):12.3f} ms  {event.task:40} {event.kind:18} {told}"
            yield printable(line.rstrip())


def _plain(value: Value) -> str:
    text = str(value)
    shown = text if len(text) <= 100 else text[:97] + "..."
    return repr(shown) if " " in shown or not shown.isprintable() else shown
