"""Runs worlds, one after the other, inside one `trio.run`.

Engines are plain generators: they yield a `Job` and get its `End` back, so they need no Trio. A
world that cannot be ended is reported, and the jobs after it go on in a fresh `trio.run`.
"""

import ctypes
import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import trio

from sim.errors import Deadlock, LimitReached
from sim.kernel import trio_hook
from sim.kernel import world as kernel
from sim.kernel.clock import VirtualClock
from sim.kernel.interrupts import kept_interrupts
from sim.kernel.observe import Observer
from sim.kernel.refuse import refusal, refusing
from sim.kernel.stepper import Stepper
from sim.kernel.where import code_lines, describe_wait, own_line
from sim.kernel.world import World
from sim.model.engine import Job, Plan
from sim.model.record import TIME, End, Ending, Limits, Waiting
from sim.model.ticks import seconds

HARNESS = True  # see sim.kernel.where.describe_wait
_COLLECT_EVERY = 100
"""Worlds between two garbage collections; there is none inside a world."""


class Session:
    """One kernel: a stepper, a clock, and the world they are working on."""

    def __init__(self) -> None:
        self._stepper = Stepper()
        self._clock = VirtualClock(self)
        self._observer = Observer()
        self._raise_interrupt: Callable[[], None] = lambda: None
        self._world: World | None = None
        self._worlds = 0

    def run(self, plan: Plan) -> None:
        """Run every job of `plan` and send it the ends. What the plan raises is raised here."""
        try:
            job: Job | None = next(plan)
        except StopIteration:
            return
        with (
            trio_hook.installed(self._stepper) as take_over,
            refusing(self._refuse),
            self._observer,
            kept_interrupts() as self._raise_interrupt,
            _quiet_gc(),
        ):

            async def harness() -> Job | None:
                """Return the job for a fresh `trio.run` after a stuck world, else None."""
                take_over()
                trio.lowlevel.add_instrument(self._stepper)
                current, stuck = job, False
                while current is not None and not stuck:
                    stuck = await self._live(current)
                    current = self._next(plan)
                return current

            while job is not None:
                try:
                    job = trio.run(harness, clock=self._clock)
                except trio.TrioInternalError:
                    if self._world is None or not self._world.stuck:
                        raise
                    self._abandon()
                    job = self._next(plan)
                except BaseExceptionGroup as group:  # where a nursery was open
                    if not _is_interrupt(group):
                        raise
                    raise KeyboardInterrupt from None
        plan.close()

    def _next(self, plan: Plan) -> Job | None:
        world, self._world = self._world, None
        assert world is not None
        end = _end_of(world)
        self._worlds += 1
        if self._worlds % _COLLECT_EVERY == 0:
            gc.collect()
            gc.freeze()  # what a search keeps would be looked at again and again
        self._raise_interrupt()
        try:
            return plan.send(end)
        except StopIteration:
            return None

    async def _live(self, job: Job) -> bool:
        """Run one world from its first step to its last. Return whether it was stuck."""
        assert isinstance(job, kernel.Job), f"a kernel on Trio runs no {type(job).__name__}"
        world = self._world = World(job)
        self._stepper.begin(world)
        self._observer.observe(world if job.steps else None)
        async with trio.open_nursery() as nursery:
            world.scope = nursery.cancel_scope
            nursery.start_soon(_main, world)
        self._observer.observe(None)
        self._stepper.finish()
        return world.stuck

    # -- what the clock asks -------------------------------------------------------------------

    @staticmethod
    def idle_waiters() -> bool:
        """Return whether a task waits in `wait_all_tasks_blocked`."""
        return trio_hook.idle_waiters()

    def tick(self) -> int:
        """Return the virtual time of the current world."""
        world = self._world
        if world is None:
            return 0
        if world.step is not None and trio_hook.in_task():
            world.read(TIME)
        if world.looks is not None and trio_hook.in_task() and trio_hook.read_by_code():
            world.reads_time()
        return world.tick

    def jump(self, tick: int) -> None:
        """Move the world's time, or end the world if that is beyond its limit."""
        world = self._world
        if world is None:
            return
        if self._stepper.postpones(tick):
            return
        self._stepper.look(tick)
        if world.ending is None and tick > world.job.limits.ticks:
            world.met_end = True
            world.abort(Ending.TIME_LIMIT, _too_much_time(world.job.limits))
        else:
            world.tick = tick
            trio_hook.clock_wakes()
            world.fire_timers()

    def next_timer(self) -> int | None:
        """Return the tick of the world's next timer; a world that is over has none."""
        world = self._world
        return world.next_timer if world is not None and world.ending is None else None

    def silence(self) -> bool:
        """Nothing will ever run again: a deadlock, or a world stuck in its clean-up."""
        world = self._world
        if world is None:
            return False
        if world.ending is not None:
            self._stepper.force_out(world)
            return True
        waiting = tuple(
            Waiting(known.path, describe_wait(task), own_line(world.job.own, task))
            for task, known in self._stepper.tasks.items()
        )
        world.waiting = waiting
        world.abort(Ending.DEADLOCK, _deadlock(waiting, world.tick))
        return True

    def _refuse(self, what: str) -> None:
        world = self._world
        if world is not None and trio.lowlevel.current_task() in self._stepper.tasks:
            world.refuse(refusal(what, world.task, code_lines(world.job.own, world.job.helpers)[1]))

    def _abandon(self) -> None:
        """Keep the tasks of a lost `trio.run` for ever: closing them would run their code again."""
        for task in [*self._stepper.tasks][:1]:
            top: trio.lowlevel.Task | None = task
            while top is not None:
                ctypes.pythonapi.Py_IncRef(ctypes.py_object(top))
                nursery = top.parent_nursery
                top = nursery.parent_task if nursery is not None else None
        for task in self._stepper.tasks:
            ctypes.pythonapi.Py_IncRef(ctypes.py_object(task))
        self._stepper.finish()


async def _main(world: World) -> None:
    """Call the program and keep what it returns or raises; nothing leaks into the next world."""
    result: object = None
    error: BaseException | None = None
    try:
        result = await world.job.program(world)
    except KeyboardInterrupt:
        raise
    except trio.Cancelled as raised:
        if world.scope is not None and world.scope.cancel_called:
            raise
        error = raised
    except BaseException as raised:
        if _is_interrupt(raised):
            raise KeyboardInterrupt from None
        error = raised
    if world.ending is not None:
        return
    world.result, world.error = result, error
    world.end(Ending.COMPLETED if error is None else Ending.FAILED)


def _is_interrupt(error: BaseException) -> bool:
    """Whether a nursery of the world was interrupted from the keyboard."""
    return isinstance(error, BaseExceptionGroup) and bool(error.subgroup(KeyboardInterrupt))


def _end_of(world: World) -> End:
    assert world.ending is not None
    seen = world.ending is Ending.REDUNDANT  # nobody looks at what was cut
    return End(
        ending=world.ending,
        tick=world.end_tick,
        steps=world.end_steps,
        schedule=world.chooser.schedule(),
        result=world.result,
        error=world.error,
        waiting=world.waiting,
        stuck=world.stuck,
        due=world.due,
        met_end=world.met_end,
        events=tuple(world.events),
        looks=tuple(world.looks or ()),
        trace_steps=() if seen else tuple([step.freeze() for step in world.recorded]),
        outside=world.outside_waiting,
        remarks=tuple(world.remarks),
    )


@contextmanager
def _quiet_gc() -> Iterator[None]:
    """Keep the collector out of worlds: finalisers must not run at a moment of its choosing."""
    enabled = gc.isenabled()
    gc.freeze()  # what is there now is left alone, so that later collections are cheap
    gc.disable()
    try:
        yield
    finally:
        gc.collect()  # of these worlds alone: thawed, all counts as old, which is hardly looked at
        gc.unfreeze()
        if enabled:
            gc.enable()


def _deadlock(waiting: tuple[Waiting, ...], tick: int) -> Deadlock:
    rows = "".join(f"\n  {row.task}: {row.what}" for row in waiting)
    return Deadlock(f"deadlock at {seconds(tick):g} s: no task can ever run again{rows}")


def _too_much_time(limits: Limits) -> LimitReached:
    return LimitReached(
        f"more than {seconds(limits.ticks):g} s of virtual time (Limits.ticks): a task may poll "
        "for ever, or a deadline lies beyond the limit"
    )
