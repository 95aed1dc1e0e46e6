"""The trace of a live run: the same kinds of events as a world's, at real times."""

import threading
import time
from contextvars import ContextVar

from sim.model.record import Event, Value
from sim.model.ticks import from_seconds

TASK: ContextVar[str] = ContextVar("wsrace_live_task", default="server")
"""Who acts, for the trace. Tasks inherit it from who started them."""


class Recorder:
    """Takes events from all threads of one run, in one order, until it is closed."""

    def __init__(self) -> None:
        self._begun = time.monotonic()
        self._lock = threading.Lock()
        self._events: list[Event] = []
        self._closed = False

    def elapsed_ms(self) -> float:
        """Return the time since the run began, in milliseconds."""
        return (time.monotonic() - self._begun) * 1000

    def event(self, kind: str, /, **values: Value) -> None:
        """Take note of something that happened."""
        with self._lock:
            if not self._closed:
                tick = from_seconds(time.monotonic() - self._begun)
                self._events.append(Event(tick, TASK.get(), kind, values))

    def read(self, name: str) -> None:
        """Reads of shared state are not recorded here."""

    def write(self, name: str) -> None:
        """Writes of shared state are not recorded here."""

    def close(self) -> tuple[Event, ...]:
        """Take no more events; return those that there are."""
        with self._lock:
            self._closed = True
            return tuple(self._events)
