"""One run of an application: its clock, its connections, what it chose and what happened."""

import heapq
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass, field

from sim.aio.tcp import Port, Unit
from sim.model.app import Bounds
from sim.model.record import Ending, Event, Limits, Value, Waiting
from sim.model.schedule import Chooser, Kind, Options, Scheduler

BASE_S = 1_234_567.0
"""What the loop's clock shows when a run begins: as on a machine that was up for two weeks.

No number of an application's own is likely to be of that size, so that a float that is can be told
for a time (`sim.aio.state`); and it is small enough for a nanosecond to show.
"""
EPOCH_S = 1_767_225_600
"""The date when a run begins: 2026-01-01, in seconds since 1970."""
SHORT_MS = 50.0
"""How far in the future timers are by which code polls."""
_NS = 1_000_000_000
_FIRST_DESCRIPTOR = 100
CONNECTION: ContextVar[str] = ContextVar("wsrace.connection", default="")
"""Whose connection a task works for; tasks pass it on to those that they start."""


def to_ns(milliseconds: float) -> int:
    """Return milliseconds in nanoseconds."""
    return round(milliseconds * 1_000_000)


class EndOfRun(BaseException):
    """Leaves the loop: nothing more is wanted of it. Not for the application to catch."""

    def __init__(self, ending: Ending, error: BaseException | None = None) -> None:
        super().__init__(str(ending))
        self.ending = ending
        self.error = error


@dataclass(order=True, slots=True)
class Alarm:
    """Something that the outside world does at a time."""

    due_ns: int
    number: int
    act: Callable[[], None] = field(compare=False)
    name: str = field(compare=False, default="")
    cancelled: bool = field(compare=False, default=False)


class World:
    """The state of one run that is not the application's."""

    def __init__(self, scheduler: Scheduler, limits: Limits, bounds: Bounds, keep: bool) -> None:
        self.bounds = bounds
        self.limits = limits
        self.scheduler = scheduler
        self.chooser = Chooser(scheduler, keep)
        self.now_ns = 0
        self.turns = 0
        self.ports: list[Port] = []
        self.events: list[Event] = []
        self.refusals: list[str] = []
        self.output: list[tuple[str, str]] = []
        """What was printed and logged: stream, text."""
        self.waiting: list[Waiting] = []
        """Who waits for what, where the run came to stand still."""
        self.late_left = bounds.late
        self.partial_left = bounds.partial
        self.splits_left = bounds.splits
        self.settles = True
        """Whether nothing is a choice now: everything goes its usual way."""
        self.horizon_ns: int | None = None
        """Where time may not move beyond; None for no such place."""
        self.stays_ns = to_ns(bounds.until_ms)
        """How long it goes on after something that a client did has come."""
        self.longest_ns = 0
        """How far in the future a timer was at most when it was set."""
        self.short_timers = 0
        """How many timers were as short as those of code that polls."""
        self.reads_clock = False
        """Whether the application has read a clock: what it does may depend on the time itself."""
        self.acts = 0
        """How often the outside world has acted by itself."""
        self.situations: dict[str, bool] = {}
        """What is looked for by `sometimes`, and whether it was met."""
        self.drawn: dict[str, int] = {}
        """How often each connection has drawn something."""
        self._alarms: list[Alarm] = []
        self._numbers = 0

    # -- choices -------------------------------------------------------------------------------

    def ask(self, kind: Kind, options: Options, default: int, asker: str, running: int = -1) -> int:
        """Return the index of the option to take; the default where nothing is a choice."""
        if self.settles:
            return default
        return self.chooser.ask(kind, options, default, asker, running)

    # -- time ----------------------------------------------------------------------------------

    def clock_ns(self) -> int:
        """Return how far the clocks are that the application and its loop read."""
        return self.now_ns

    def loop_time(self) -> float:
        """Return what the loop's clock shows, in seconds."""
        return BASE_S + self.clock_ns() / _NS

    def note_timer(self, when_s: float) -> None:
        """Take note of a timer that is set."""
        ahead = self.ns_of(when_s) - self.now_ns if when_s < EPOCH_S else 0
        self.longest_ns = max(self.longest_ns, ahead)
        self.short_timers += 0 < ahead < to_ns(SHORT_MS)

    @staticmethod
    def ns_of(when_s: float) -> int:
        """Return a time of the loop's clock in nanoseconds."""
        return round((when_s - BASE_S) * _NS)

    @property
    def tick(self) -> int:
        """The time, for the trace."""
        return (self.now_ns << 20) // _NS

    def from_now(self, then_ns: int | None) -> int | None:
        """Return how long it is until a time, None for None."""
        return None if then_ns is None else then_ns - self.now_ns

    def is_overdue(self, unit: Unit) -> bool:
        """Whether something has been under way for so long that it is here by now."""
        return unit.sent_ns + to_ns(self.bounds.latency_ms) < self.now_ns

    def at(self, due_ns: int, act: Callable[[], None], name: str = "") -> Alarm:
        """Let the outside world act at a time."""
        self._numbers += 1
        alarm = Alarm(max(due_ns, self.now_ns), self._numbers, act, name)
        heapq.heappush(self._alarms, alarm)
        return alarm

    def next_alarm(self) -> Alarm | None:
        """Return what the outside world does next, None if it has nothing to do."""
        while self._alarms and self._alarms[0].cancelled:
            heapq.heappop(self._alarms)
        return self._alarms[0] if self._alarms else None

    def move_to(self, due_ns: int) -> None:
        """Move the clock; the outside world does what is due by then. Raises EndOfRun."""
        if self.horizon_ns is not None and due_ns > self.horizon_ns:
            raise EndOfRun(Ending.TIME_LIMIT)
        alarm = self.next_alarm()
        while alarm is not None and alarm.due_ns <= due_ns:
            heapq.heappop(self._alarms)
            self.now_ns = max(self.now_ns, alarm.due_ns)
            self.acts += 1
            alarm.act()
            alarm = self.next_alarm()
        self.now_ns = max(self.now_ns, due_ns)

    def block(self, for_ns: int, where: str = "") -> None:
        """Hold everything up for so long, as `time.sleep` does in a loop. where: by which line."""
        connection, by_us = CONNECTION.get(), for_ns // 1000
        self.event("blocked", "(clock)", connection=connection, by_us=by_us, where=where)
        self.move_to(self.now_ns + for_ns)

    def acted(self, at_ns: int | None = None) -> None:
        """A client does something of its own accord: the run goes on for a while from then.

        at_ns: when; None for now.
        """
        if self.horizon_ns is not None:
            then = self.now_ns if at_ns is None else at_ns
            self.horizon_ns = max(self.horizon_ns, then + to_ns(self.bounds.until_ms))

    def note_arrival(self) -> None:
        """What a client did has come to the server: the run goes on for a while from now.

        Else a server would be blamed for having no time left, where bytes may be under way for as
        long as a run goes on.
        """
        if self.horizon_ns is not None:
            self.horizon_ns = max(self.horizon_ns, self.now_ns + self.stays_ns)

    def all_have_left(self) -> None:
        """No client is there any more: the run goes on for a shorter while from now."""
        self.stays_ns = to_ns(self.bounds.gone_ms)
        self.horizon_ns = self.now_ns + self.stays_ns

    # -- connections ---------------------------------------------------------------------------

    def open_port(self, name: str) -> Port:
        """Open one more connection. Return the server's end of it."""
        port = self._new_port(_FIRST_DESCRIPTOR + len(self.ports), name)
        port.on_arrival = self.note_arrival
        self.ports.append(port)
        return port

    def _new_port(self, number: int, name: str) -> Port:
        return Port(number, name, lambda: self.now_ns)

    # -- the trace -----------------------------------------------------------------------------

    def event(self, kind: str, task: str, **values: Value) -> None:
        """Let the trace say that something happened."""
        self.events.append(Event(self.tick, task, kind, values))

    def refuse(self, what: str) -> None:
        """Take note of something that no schedule controls: the run says nothing, then."""
        self.refusals.append(what)
