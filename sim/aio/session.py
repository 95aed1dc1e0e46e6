"""Runs applications, one run after the other, each in a fresh loop."""

import gc
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Self

from sim.aio.anyio_workers import landing_workers
from sim.aio.dates import virtual_dates
from sim.aio.entropy import same_draws, virtual
from sim.aio.inside import making
from sim.aio.loop import SimLoop
from sim.aio.output import captured
from sim.aio.refuse import watch
from sim.aio.threads import refusing_threads
from sim.aio.visits import Visiting
from sim.aio.world import EndOfRun, World
from sim.errors import BadSchedule, Divergence, Redundant, RefusedOperation
from sim.model.app import Bounds
from sim.model.engine import Job, Plan
from sim.model.record import End, Ending, Limits
from sim.model.schedule import Scheduler

_COLLECT_EVERY = 50
"""Runs between two garbage collections; there is none inside a run."""
_LIMITS = Limits(steps=100_000)
"""More turns than that in one run are taken for one that does not end."""

Program = Callable[[SimLoop], Ending]
"""Serves the application on a loop and returns how that ended; what happened stands in the trace.
It may raise EndOfRun."""


def _nothing() -> None:
    """There is nothing to be done before."""


def _simulated(job: "AppJob") -> SimLoop:
    """Return a loop above a simulated operating system."""
    return SimLoop(World(job.scheduler, job.limits, job.bounds, job.schedule))


@dataclass(frozen=True, slots=True)
class AppJob:
    """One run of an application, ready for its engine."""

    program: Program
    scheduler: Scheduler
    bounds: Bounds
    limits: Limits = _LIMITS
    schedule: bool = True
    """Whether the choices are kept."""
    before_states: Callable[[], None] = _nothing
    """Called before a run whose states are to be told, while nothing of it is there yet."""
    system: "Callable[[AppJob], SimLoop]" = _simulated
    """Makes the loop, and with it the operating system below."""

    @property
    def in_batches(self) -> bool:
        """Whether the outside lands only between batches: an asyncio loop runs what is ready."""
        return True

    def under(self, scheduler: Scheduler) -> Self:
        """Return the same run under another scheduler."""
        return replace(self, scheduler=scheduler)

    def recording(self, steps: bool = True, lines: bool = False) -> Self:
        """Return the same run: its steps are callbacks, of which none is recorded."""
        return self

    def before(self, horizon: int) -> Self:
        """Return the same run: it is never postponed."""
        return self

    def engine(self) -> "LoopSession":
        """Return what can run it."""
        return LoopSession()


class LoopSession:
    """The engine for applications: a fresh loop for each run, in the thread that asks."""

    def run(self, plan: Plan) -> None:
        """Run every job of `plan` and send it the ends. What the plan raises is raised here."""
        try:
            job: Job = next(plan)
        except StopIteration:
            return
        watch()
        with (
            ready() as prepared,
            captured(),
            landing_workers(),
            refusing_threads(),
            _warnings_as_in_production(),
        ):
            while True:
                assert isinstance(job, AppJob), f"an event loop runs no {type(job).__name__}"
                end = _make(job)
                prepared.count()
                try:
                    job = plan.send(end)
                except StopIteration:
                    return


def _make(job: AppJob) -> End:
    """Run an application once."""
    if isinstance(job.scheduler, Visiting):
        job.before_states()
    loop = job.system(job)
    world = loop.world
    ending, error = Ending.COMPLETED, None
    try:
        with making(world), same_draws():
            ending = job.program(loop)
    except EndOfRun as reached:
        ending, error = reached.ending, reached.error
    except Redundant as raised:
        ending, error = Ending.REDUNDANT, raised
    except (Divergence, BadSchedule) as raised:
        ending, error = Ending.DIVERGED, raised
    finally:
        loop.close()
    if world.refusals and ending is not Ending.DIVERGED:
        ending, error = Ending.REFUSED, RefusedOperation("; ".join(dict.fromkeys(world.refusals)))
    return End(
        ending=ending,
        tick=world.tick,
        steps=world.turns,
        schedule=world.chooser.schedule(),
        error=error,
        waiting=tuple(world.waiting),
        events=tuple(world.events),
    )


class _Prepared:
    """A process that is prepared for runs."""

    def __init__(self) -> None:
        self._runs = 0

    def count(self) -> None:
        """Count a run, and collect what the last ones have left."""
        self._runs += 1
        if self._runs % _COLLECT_EVERY == 0:
            gc.collect()


_prepared: list[_Prepared] = []
"""The preparation that holds now, if one does."""


@contextmanager
def ready() -> Iterator[_Prepared]:
    """Prepare this process for runs: clocks and chance replaced, no collector inside of runs.

    To find where clocks are looked up, and to look through all that lives, takes as long as dozens
    of runs. Who makes many short series does it once, around all of them; inside of it another
    preparation is the same one.
    """
    if _prepared:
        yield _prepared[0]
        return
    _prepared.append(_Prepared())
    try:
        with _quiet_gc(), virtual_dates(), virtual():
            yield _prepared[0]
    finally:
        _prepared.clear()


@contextmanager
def _warnings_as_in_production() -> Iterator[None]:
    """Let no warning raise: where a test runner makes errors of them, servers would fail of it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@contextmanager
def _quiet_gc() -> Iterator[None]:
    """Keep the collector out of runs: finalisers must not run at a moment of its choosing."""
    enabled = gc.isenabled()
    gc.freeze()
    gc.disable()
    try:
        yield
    finally:
        gc.collect()  # of these runs alone: thawed, all counts as old, which is hardly looked at
        gc.unfreeze()
        if enabled:
            gc.enable()
