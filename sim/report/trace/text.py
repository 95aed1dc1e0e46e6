"""A run as lines of text, short or whole."""

from sim.report.plots.states import lines
from sim.runs.subject import Record


def short(record: Record) -> str:
    """Return one line per event, without what only repeats others."""
    return "".join(f"{line}\n" for line in lines(record))


def whole(record: Record) -> str:
    """Return one line per event."""
    return "".join(f"{line}\n" for line in lines(record, everything=True))
