"""What the operating system did in a run, turn by turn, so that a real one can be led the same way.

A schedule says which options were taken; this says what came of it: what arrived where, how many
timers came due, in which order descriptors were told. Who leads a real kernel (sim/live/steered)
needs no more, and nothing of how it was decided.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

from sim.aio.loop import SimLoop
from sim.aio.names import RESOLUTION_S, due_of
from sim.aio.session import AppJob
from sim.aio.tcp import Port
from sim.aio.turn import Events, Selector, Spins
from sim.aio.world import Alarm, EndOfRun, World
from sim.model.record import Ending
from sim.model.schedule import Kind, Options


class Turn(NamedTuple):
    """One turn of the loop: what the system has done when it goes on."""

    now_ns: int
    """The time of the run."""
    acted_ns: int | None
    """When the outside world acted by itself for the last time in it; None if it did not."""
    landed: int
    """How many threads landed while nothing was ready."""
    arrived: tuple[tuple[str, int, bool], ...]
    """How many units came on which connections, in order, and whether the last was cut in two."""
    due: int
    """How many timers were due."""
    ready: tuple[tuple[str, int], ...]
    """Connections that were ready, with the events that were told, in their order."""
    events: int
    """How many events the trace had when the turn began."""


class Answer(NamedTuple):
    """An answer of the system between two turns: within a send, or about a thread."""

    asker: str
    picked: int


@dataclass
class Tape:
    """The turns of one run."""

    turns: list[Turn] = field(default_factory=list)
    answers: list[Answer] = field(default_factory=list)
    ending: Ending | None = None
    """How it ended, where the next turn would have been."""
    spins: bool = False
    """Whether it ended because it went round without end."""
    ends_ns: int = 0
    """The time until which it was looked at."""

    def make(self, job: AppJob) -> SimLoop:
        """Return a simulated loop whose turns are kept: the `system` of a job."""
        world = _Noting(job, self)
        return SimLoop(world, _Noted(world, self))


class _Noting(World):
    """A world that notes what is asked between turns, and when the outside acted."""

    def __init__(self, job: AppJob, tape: Tape) -> None:
        super().__init__(job.scheduler, job.limits, job.bounds, job.schedule)
        self.acted_ns: int | None = None
        self.in_turn = False
        self._tape = tape

    def ask(self, kind: Kind, options: Options, default: int, asker: str, running: int = -1) -> int:
        """Return the index of the option to take."""
        picked = super().ask(kind, options, default, asker, running)
        if not self.in_turn and self._tape.ending is None:
            self._tape.answers.append(Answer(asker, picked))
        return picked

    def at(self, due_ns: int, act: Callable[[], None], name: str = "") -> Alarm:
        """Let the outside world act at a time, and note that it did."""

        def noted() -> None:
            self.acted_ns = self.now_ns
            act()

        return super().at(due_ns, noted, name)


class _Noted(Selector):
    """A selector whose answers are kept until the run ends."""

    def __init__(self, world: _Noting, tape: Tape) -> None:
        super().__init__(world)
        self._noting = world
        self._tape = tape
        self._came: list[tuple[str, int, bool]] = []

    def select(self, timeout: float | None = None) -> Events:
        """Return what the kernel tells the loop in this turn. Raises EndOfRun."""
        world, tape = self._noting, self._tape
        if tape.ending is not None:  # what follows only cleans up
            return super().select(timeout)
        events, out = len(world.events), self.threads_out()
        world.acted_ns, world.in_turn = None, True
        self._came = []
        try:
            told = super().select(timeout)
        except EndOfRun as reached:
            tape.ending, tape.spins = reached.ending, isinstance(reached.error, Spins)
            whole = world.horizon_ns if tape.ending is Ending.TIME_LIMIT else None
            tape.ends_ns = world.now_ns if whole is None else whole
            raise
        finally:
            world.in_turn = False
        names = {port.descriptor: port.name for port in world.ports}
        tape.turns.append(
            Turn(
                now_ns=world.now_ns,
                acted_ns=world.acted_ns,
                landed=out - self.threads_out(),
                arrived=tuple(self._came),
                due=self._count_due(),
                ready=tuple((names[key.fd], mask) for key, mask in told),
                events=events,
            )
        )
        return told

    def _arrive(self, port: Port, least: int) -> tuple[int, bool]:
        count, is_cut = super()._arrive(port, least)
        self._came.append((port.name, count, is_cut))
        return count, is_cut

    def _count_due(self) -> int:
        """Return how many timers the loop is going to call now, as it counts them itself."""
        assert self._loop is not None
        by = self._noting.loop_time() + RESOLUTION_S
        return sum(due_of(timer) < by for timer in self._loop.timers())
