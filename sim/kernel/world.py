"""One world: what a program under simulation may ask, say and note while it runs."""

from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import lru_cache
from heapq import heappop, heappush
from typing import NoReturn, Self

import trio

from sim.entropy import influence_free
from sim.errors import Redundant, RefusedOperation, WsraceError
from sim.kernel.lines import SOMEBODYS_OWN, OwnCode, place_of
from sim.kernel.order import Order
from sim.kernel.waiters import BY_TIMER, Waiters
from sim.kernel.where import code_lines
from sim.model.engine import Engine
from sim.model.record import TIME, Access, Ending, Event, Limits, Look, Step, Value, Waiting
from sim.model.schedule import Chooser, Kind, Options, Scheduler


@dataclass(frozen=True, slots=True)
class Job:
    """One world to run."""

    program: "Program"
    """The code; it is called with the World."""
    scheduler: Scheduler
    """Answers its choices."""
    order: Order = Order.ANY
    """What the runtime leaves open."""
    late: int = 0
    """How many times in a run the clock may move although something is runnable, as if the process
    had been delayed. No option reaches it yet.
    """
    horizon: int | None = None
    """The tick beyond which time does not move for now: the world ends as postponed instead."""
    standing: Callable[[Sequence[Event]], object] | None = None
    """Returns what of a trace so far may still count for the outcome. None where the state of a
    world cannot be told, since not all of it is reached from its tasks.
    """
    untimed: bool = False
    """What the outside world does has no time of its own: it may happen at any moment, before or
    after time moves.
    """
    limits: Limits = field(default_factory=Limits)
    """What it may use up."""
    events: bool = True
    """Whether to record the trace."""
    steps: bool = False
    """Whether to record the steps."""
    looks: bool = False
    """Whether to record which times were compared. Code that reads the time is refused then."""
    schedule: bool = True
    """Whether to record the answers. A choice among n tasks keeps n names, so worlds of very many
    clients do without.
    """
    lines: bool = False
    """Whether accesses say where they were made."""
    helpers: tuple[str, ...] = ()
    """Modules and packages that act for others, besides the kernel and Trio: what they touch is
    touched by who called them.
    """
    opaque: Callable[[trio.lowlevel.Task], bool] | None = None
    """Tells which tasks of the loop may share state that nobody notes: all their steps are taken to
    depend on each other. None if none does.
    """
    own: OwnCode = SOMEBODYS_OWN
    """Tells somebody's own code from ours and from libraries."""

    @property
    def in_batches(self) -> bool:
        """Whether its tasks step in batches, between which alone the outside lands."""
        return self.order is not Order.ANY

    def under(self, scheduler: Scheduler) -> Self:
        """Return the same job under another scheduler."""
        return replace(self, scheduler=scheduler)

    def recording(self, steps: bool = True, lines: bool = False) -> Self:
        """Return the same job with its steps recorded; lines: with the code's lines, too."""
        return replace(self, steps=steps, lines=lines)

    def before(self, horizon: int) -> Self:
        """Return the same job, postponed where its time would move beyond a tick."""
        return replace(self, horizon=horizon)

    def engine(self) -> Engine:
        """Return a kernel that can run it."""
        from sim.kernel.session import Session  # it runs jobs, so it knows them

        return Session()


_ONLY_DEADLINES = "what a run does may hang on its deadlines alone here"
_plain = lru_cache(maxsize=10_000)(Access)
"""Makes an access that says no line; most are made again and again."""


class OpenStep:
    """The step being executed, until it is frozen into a `Step`."""

    __slots__ = (
        "_frozen",
        "accesses",
        "choice",
        "events",
        "joined",
        "local",
        "nursery",
        "outside",
        "ready",
        "spawned",
        "task",
        "tick",
        "woke",
    )

    def __init__(
        self, task: str, tick: int, choice: int, ready: tuple[str, ...], outside: bool = False
    ) -> None:
        self.task = task
        self.tick = tick
        self.choice = choice
        self.ready = ready
        self.accesses: dict[Access, None] = {}
        self.woke: list[str] = []
        self.spawned: list[str] = []
        self.joined = ""
        self.nursery = ""
        self.outside = outside
        self.events = 0
        self.local = False
        self._frozen: Step | None = None

    def freeze(self) -> Step:
        """Return the step, which is over, as plain frozen data."""
        self._frozen = self._frozen or self._as_step()
        return self._frozen

    def _as_step(self) -> Step:
        return Step(
            task=self.task,
            tick=self.tick,
            choice=self.choice,
            ready=self.ready,
            accesses=tuple(self.accesses),
            woke=tuple(self.woke),
            spawned=tuple(self.spawned),
            joined=self.joined,
            nursery=self.nursery,
            outside=self.outside,
            events=self.events,
            local=self.local,
        )


class Timer:
    """A wake-up to come; `World.drop` it when it is not wanted any more."""

    __slots__ = ("waiters", "why")

    def __init__(self, waiters: Waiters, why: int) -> None:
        self.waiters: Waiters | None = waiters
        self.why = why


class World:
    """What a program sees of its world, and what the kernel keeps about it.

    `tick` is the virtual time, `task` the path of the task that is stepping.
    """

    def __init__(self, job: Job) -> None:
        self.job = job
        self.tick = 0
        self.task = ""
        self.current: trio.lowlevel.Task | None = None
        self.steps = 0
        self.most_steps = job.limits.steps
        self.chooser = Chooser(job.scheduler, job.schedule)
        self.outside_steps = False
        """Whether the task that is stepping belongs to the outside world."""
        self.late_left = job.late
        self.events: list[Event] = []
        self._lines = job.lines
        self.tracing = job.events
        """Whether events are recorded now: ask before computing what an event would hold."""
        self.recorded: list[OpenStep] = []
        self.looks: list[Look] | None = [] if job.looks else None
        """The times that were compared, if that is recorded."""
        self.scopes: dict[trio.CancelScope, int] = {}
        """Numbers of cancel scopes, if so."""
        self.step: OpenStep | None = None
        self.scope: trio.CancelScope | None = None
        self.ending: Ending | None = None
        self.error: BaseException | None = None
        self.result: object = None
        self.waiting: tuple[Waiting, ...] = ()
        self.end_tick = 0
        self.end_steps = 0
        self.due = 0
        """Where time would have moved to, if the world is postponed."""
        self.met_end = False
        """Whether its time would have moved beyond its limit."""
        self.stuck = False
        self.forced = 0
        self.sides: dict[trio.lowlevel.Task | None, bool] = {}
        """On which side the tasks that a task starts belong, while it says so."""
        self.outsiders: dict[str, Callable[[], str]] = {}
        """What tells of each client what it waits for, "" where it has nothing more to do."""
        self.takers: dict[str, Callable[[], bool]] = {}
        """What tells of each client's task whether its next step would only take in what it does
        not wait for."""
        self.outside_waiting: tuple[Waiting, ...] = ()
        self.remarks: list[Event] = []
        self._byte_index: dict[str, int] = {}
        self._timers: list[tuple[int, int, Timer]] = []
        self._timers_made = 0

    # -- for programs --------------------------------------------------------------------------

    def ask(self, kind: Kind, options: Options, default: int = 0, asker: str = "") -> int:
        """Return the index of the option that the schedule picks.

        A scheduler that cannot answer ends the world: its error is raised here and kept as the
        world's ending, even if the caller swallows it. A world that is over takes defaults.
        """
        if self.ending is not None:
            return default
        try:
            return self.chooser.ask(kind, options, default, asker or self.task)
        except WsraceError as error:
            self.abort(Ending.DIVERGED, error)
            raise

    def event(self, kind: str, /, **values: Value) -> None:
        """Add an event to the trace."""
        if self.tracing:
            self.events.append(Event(self.tick, self.task, kind, values))
            if self.job.lines:
                self.read(f"event:{kind}")

    def remark(self, kind: str, /, **values: Value) -> None:
        """Tell whoever judges the run something that is no part of its trace."""
        if self.tracing:
            self.remarks.append(Event(self.tick, self.task, kind, values))

    def refuse(self, error: RefusedOperation) -> NoReturn:
        """End the world without an answer: what runs in it is not what can be judged."""
        self.abort(Ending.REFUSED, error)
        raise error

    def read(self, name: str) -> None:
        """Note that the current step read the shared state `name`."""
        step = self.step
        if step is not None:
            step.accesses[self._access(name, False) if self._lines else _plain(name, False)] = None

    def write(self, name: str) -> None:
        """Note that the current step wrote the shared state `name`, or read and wrote it."""
        step = self.step
        if step is not None:
            step.accesses[self._access(name, True) if self._lines else _plain(name, True)] = None

    def _access(self, name: str, write: bool) -> Access:
        where, caller = code_lines(self.job.own, self.job.helpers)
        return Access(name, write, where, len(self.events), caller)

    def bytes(self, count: int, connection: str) -> "bytes":
        """Return `count` bytes without influence: a hash of (connection, how often it asked)."""
        index = self._byte_index.get(connection, 0)
        self._byte_index[connection] = index + 1
        return influence_free(count, connection, index)

    def wake_at(self, tick: int, waiters: Waiters, why: int = BY_TIMER) -> "Timer":
        """Wake whoever waits in `waiters` at `tick`. For a third of the price of a deadline."""
        self.read(TIME)
        self._timers_made += 1
        timer = Timer(waiters, why)
        heappush(self._timers, (tick, self._timers_made, timer))
        return timer

    def drop(self, timer: "Timer") -> None:
        """Want a wake-up no more."""
        self.read(TIME)
        timer.waiters = None

    def come(self, tick: int) -> bool:
        """Return whether a time has come. Who compares times asks here, so that it can be noted."""
        if self.looks is not None:
            self.looks.append(Look(self.tick, ((0, tick),), False))
        return tick <= self.tick

    def reads_time(self) -> None:
        """Note that code reads the time itself, with which it could do what nobody can follow."""
        if self.looks is not None and self.ending is None:
            line = code_lines(self.job.own, self.job.helpers)
            where = place_of(line[1] or line[0])
            self.refuse(RefusedOperation(f"the time is read at {where}: {_ONLY_DEADLINES}"))

    async def sleep_until(self, tick: int) -> None:
        """Wait until `tick`; one turn if that is now or past, or whenever for the untimed."""
        if self.come(tick) or (self.job.untimed and self.outside_steps):
            await trio.lowlevel.checkpoint()
            return
        waiters = Waiters()
        timer = self.wake_at(tick, waiters)
        try:
            await waiters.park()
        finally:
            self.drop(timer)

    @contextmanager
    def outside(self) -> Iterator[None]:
        """Tasks started in this block belong to the outside world, and so do their children."""
        yield from self._started_on(True)

    @contextmanager
    def inside(self) -> Iterator[None]:
        """Tasks started in this block belong to the loop, whoever starts them."""
        yield from self._started_on(False)

    def _started_on(self, outside: bool) -> Iterator[None]:
        task, before = self.current, self.sides.get(self.current)
        self.sides[task] = outside
        try:
            yield
        finally:
            if before is None:
                del self.sides[task]
            else:
                self.sides[task] = before

    # -- for the kernel ------------------------------------------------------------------------

    def abort(self, ending: Ending, error: BaseException) -> None:
        """End the world: the first reason counts. What is left to run is clean-up, not recorded."""
        if self.ending is None:
            self.end(Ending.REDUNDANT if isinstance(error, Redundant) else ending)
            self.error = error
            if self.scope is not None:
                self.scope.cancel()

    @property
    def next_timer(self) -> int | None:
        """The tick of the next timer that is still wanted."""
        timers = self._timers
        while timers and timers[0][2].waiters is None:
            heappop(timers)
        return timers[0][0] if timers else None

    def fire_timers(self) -> None:
        """Wake those whose tick has come, in the order of tick and making."""
        while self._timers and self._timers[0][0] <= self.tick:
            timer = heappop(self._timers)[2]
            if timer.waiters is not None:
                timer.waiters.wake_all(timer.why)

    def pending(self) -> Iterator[tuple[int, int]]:
        """Yield the timers that are still wanted in the order of making: number, tick."""
        for tick, number, timer in sorted(self._timers, key=lambda entry: entry[1]):
            if timer.waiters is not None:
                yield number, tick

    def timers(self) -> Iterator[tuple[int, Timer]]:
        """Yield the timers that are still wanted, in the order in which they will fire."""
        for tick, _, timer in sorted(self._timers):
            if timer.waiters is not None:
                yield tick, timer

    def end(self, ending: Ending) -> None:
        """Note how and where the world ended, and stop recording."""
        self.ending = ending
        self.tracing = False
        self.outside_waiting = tuple(Waiting(name, say()) for name, say in self.outsiders.items())
        self.end_tick = self.tick
        self.end_steps = self.steps
        self.step = None


Program = Callable[[World], Awaitable[object]]
