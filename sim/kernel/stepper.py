"""The scheduling of one world at a time: who is ready, who steps, what each step did.

An `Instrument` (public Trio API) sees tasks being spawned and exiting; the hook asks `pick` before
every step. Tasks of the harness and of Trio itself are passed through without being a choice.
"""

import outcome
import trio

from sim.errors import LimitReached, StuckWorld, WsraceError
from sim.kernel import trio_hook
from sim.kernel.names import MAIN, Known
from sim.kernel.order import Options, Order, Ready
from sim.kernel.refuse import ASYNCIO, refusal
from sim.kernel.state import Numbers
from sim.kernel.steps import StepRecorder
from sim.kernel.waiters import woken_by
from sim.kernel.where import own_line
from sim.kernel.world import World
from sim.model.record import CLOCK, END, LOOP, Ending, Look
from sim.model.schedule import Kind
from sim.model.ticks import from_seconds

Task = trio.lowlevel.Task
_FORCE_MOST = 100


class Abandoned(BaseException):
    """Thrown into the tasks of a world that stays although it was cancelled."""


class Stepper(trio.abc.Instrument):
    """Lets the schedule of the current world pick from its ready tasks, which it keeps."""

    def __init__(self) -> None:
        self.world: World | None = None
        self.tasks: dict[Task, Known] = {}
        self._recorder: StepRecorder | None = None
        self._ready = Ready(Order.ANY)
        self._others: list[Task] = []
        """Ready tasks of the harness and of Trio."""
        self._numbers: Numbers = {}
        self._any = False
        self._fifo = False
        self._keep = False
        self.watches = False
        """Whether it wants to be told of cancel scopes."""
        self._asked = -1
        """Index of the choice that picked the step, -1 if there was nothing to choose."""

    def begin(self, world: World) -> None:
        """Start with an empty world; the next task spawned by the harness is its main task."""
        self.world = world
        self.tasks.clear()
        job = world.job
        self._recorder = StepRecorder(world, self.tasks, self._numbers) if job.steps else None
        self._ready = Ready(job.order)
        self._any = job.order is Order.ANY
        self._fifo = job.order is Order.FIFO
        self._keep = job.schedule
        self.watches = job.steps or job.looks

    def finish(self) -> None:
        """Forget the world."""
        self.world = None
        self.watches = False

    # -- what Trio tells -----------------------------------------------------------------------

    def task_spawned(self, task: Task) -> None:
        """Give the task its name and side, if it belongs to the world."""
        world = self.world
        if world is None:
            return
        tasks = self.tasks
        if not tasks:
            tasks[task] = Known(MAIN, False, task)
        else:
            nursery = task.parent_nursery
            if nursery is None or nursery.parent_task not in tasks:
                return
            spawner = tasks.get(world.current) if world.current is not None else None
            if spawner is None:
                spawner = tasks[nursery.parent_task]
            outside = world.sides.get(world.current, spawner.outside)
            known = tasks[task] = Known(spawner.child_path(task.name), outside, task)
            if self._recorder is not None:
                opaque = world.job.opaque
                known.opaque = opaque is not None and not outside and opaque(task)
                self._recorder.spawned(task, known.path)
        trio_hook.forget_creation(task)

    def task_exited(self, task: Task) -> None:
        """Forget the task; note whom its exit may let go on."""
        known = self.tasks.pop(task, None)
        if known is not None and self._recorder is not None:
            self._recorder.exited(task)

    def cancelling(self, scope: trio.CancelScope) -> None:
        """Note the cancellation of a scope as a write."""
        if self.world is not None and self._recorder is not None:
            self._recorder.cancelling(scope)

    def made(self, scope: trio.CancelScope) -> None:
        """Name a scope after the task that makes it."""
        world = self.world
        if world is not None and self._recorder is not None:
            self._recorder.made(scope)
        if world is not None and world.looks is not None:
            world.scopes[scope] = len(world.scopes) + 1

    def entering(self, scope: trio.CancelScope) -> None:
        """Note the entering of a scope as a read."""
        if self.world is not None and self._recorder is not None:
            self._recorder.entering(scope)

    def leaving(self, scope: trio.CancelScope) -> None:
        """Note the leaving of a scope, with which its deadline goes."""
        if self.world is not None and self._recorder is not None:
            self._recorder.leaving(scope)

    # -- what the hook asks --------------------------------------------------------------------

    def by_address(self, tasks: list[Task]) -> list[Task]:
        """Return tasks that were woken together in the order in which they last stepped.

        That is the order in which they began to wait, and so asyncio's order too.
        """
        known = self.tasks
        if not all(task in known for task in tasks):
            return tasks
        return sorted(tasks, key=lambda task: known[task].last_step)

    def add(self, tasks: list[Task], expired: int) -> None:
        """Take tasks that have become ready; from index `expired` on Trio's loop woke them."""
        if len(tasks) - expired > 1:
            tasks[expired:] = self.by_address(tasks[expired:])
        ready, fifo, known_of = self._ready, self._fifo, self.tasks.get
        for task in tasks:
            known = known_of(task)
            if known is None:
                self._others.append(task)
            else:
                ready.add(known, woken_by(task) if fifo else 0)
        if self._recorder is not None:
            new = [self.tasks.get(task) for task in tasks]
            by_step = [known for known in new[:expired] if known is not None]
            self._recorder.woken(by_step, [known for known in new[expired:] if known is not None])

    def held(self) -> Task | None:
        """Return a task that is ready, of those that were not returned by `pick`."""
        if self._others:
            return self._others[0]
        return next((known.task for known in self._ready), None)

    def pick(self) -> list[Task]:
        """Return the one task to step now; tasks outside the world all go first.

        None of either if nothing is ready, or if time moves: then Trio's loop has to look.
        """
        if self._others:
            others, self._others = self._others, []
            return others
        world, ready = self.world, self._ready
        if world is None or not (ready.loop or ready.batch or ready.outside):
            return []
        if world.ending is not None:
            return [self._clean_up(world)]
        if world.steps >= world.most_steps:
            world.abort(Ending.STEP_LIMIT, _too_many_steps(world))
            return []
        if world.late_left and self._clock_moves(world):
            return []
        recorder = self._recorder
        names = ready.names() if recorder is not None else ()
        if self._fifo and recorder is None and (ready.batch or not ready.outside):
            # Nothing to choose and nobody to tell of it, as at most steps of a sweep.
            if not ready.batch:
                ready.start_batch()
            return [self._step_first(world)]
        try:
            known = self._choose(world)
        except WsraceError as error:
            world.abort(Ending.DIVERGED, error)
            return []
        if known is None:
            self._move(world, names)
            return []
        if recorder is not None:
            recorder.begin(known, self._asked, names)
        self._step(world, known)
        return [known.task]

    def _clean_up(self, world: World) -> Task:
        """Return the next task of a world that is over."""
        if world.steps - world.end_steps > world.job.limits.grace:
            self.force_out(world)
        return self._step_first(world)

    def _step_first(self, world: World) -> Task:
        known = self._ready.take_first()
        self._step(world, known)
        return known.task

    @staticmethod
    def _step(world: World, known: Known) -> None:
        if trio_hook.met_foreign_yield(known.task):
            where = own_line(world.job.own, known.task)
            world.abort(Ending.REFUSED, refusal(ASYNCIO, known.path, where))
        world.steps += 1
        known.last_step = world.steps
        world.task = known.path
        world.current = known.task
        world.outside_steps = known.outside

    def _choose(self, world: World) -> Known | None:
        """Take the task to step out of the ready ones; None if time is to move first."""
        self._asked = -1
        ready = self._ready
        outside = ready.outside
        loop = bool(ready.loop or ready.batch)
        if not loop and world.job.untimed and self._next_tick(world) is not None:
            found = self._ask(world, Kind.CLOCK, Options(outside, last=CLOCK))
        elif self._any:
            found = self._ask(world, Kind.STEP, Options(ready.loop, outside))
        elif ready.batch or not outside:
            return self._in_batch(world)
        else:
            found = self._ask(world, Kind.ARRIVAL, Options(outside, last=LOOP if loop else ""))
            if found == LOOP:
                return self._in_batch(world)
        return found if isinstance(found, Known) else None

    def _in_batch(self, world: World) -> Known:
        """Take the next task of the loop's current batch, or of its next one."""
        ready = self._ready
        if not ready.batch:
            ready.start_batch()
            if self._recorder is not None:
                self._recorder.batch(self._asked, ready)
        self._asked = -1
        if self._fifo:
            return ready.take_first()
        found = self._ask(world, Kind.STEP, Options(ready.batch), can_go_on=False)
        assert isinstance(found, Known)
        return found

    def _ask(
        self, world: World, kind: Kind, options: Options, can_go_on: bool = True
    ) -> Known | str:
        """Take what the schedule picks. can_go_on: whether who stepped last may be an option."""
        if len(options) == 1:
            return options.take(0)
        if self._recorder is not None:
            self._recorder.meet(self._ready)
        self._asked = world.chooser.asked
        last = self.tasks.get(world.current) if can_go_on and world.current is not None else None
        running = options.position(last) if last is not None and last.ready else -1
        named = tuple(options) if self._keep else options
        return options.take(world.chooser.ask(kind, named, 0, "", running))

    def _move(self, world: World, ready: tuple[str, ...]) -> None:
        """Let time move to what is due next, as was chosen."""
        tick = self._next_tick(world)
        assert tick is not None
        if self.postpones(tick):
            return
        world.tick = tick
        if self._recorder is not None:
            self._recorder.moved(self._asked, ready)
        world.fire_timers()

    def postpones(self, tick: int) -> bool:
        """End the world if its time is not to move to `tick`, for now or at all.

        Return whether it is not.
        """
        world = self.world
        if world is None or world.ending is not None:
            return False
        if self._recorder is not None:
            try:
                self._recorder.stand(self._ready)
            except WsraceError as error:
                world.abort(Ending.DIVERGED, error)
                return True
        if world.job.horizon is None or tick <= world.job.horizon:
            return False
        world.due = tick
        world.abort(Ending.POSTPONED, LimitReached("time beyond is looked at later"))
        return True

    def look(self, tick: int) -> None:
        """Note what the clock could have moved to, of which it is about to choose `tick`."""
        world = self.world
        if world is None or world.looks is None or world.ending is not None:
            return
        due = [(END, world.job.limits.ticks + 1), *world.pending()]
        scopes = ((world.scopes.get(one, 0), at) for at, one in trio_hook.deadlines())
        due += sorted((-number, from_seconds(at)) for number, at in scopes if number)
        world.looks.append(Look(tick, tuple(due), True))

    @staticmethod
    def _next_tick(world: World) -> int | None:
        """Return the tick of the next deadline or timer, if the world may live to see it."""
        deadline = trio_hook.next_deadline()
        due = [from_seconds(deadline)] if deadline < float("inf") else []
        if world.next_timer is not None:
            due.append(world.next_timer)
        tick = min((tick for tick in due if tick > world.tick), default=world.tick)
        world.met_end |= tick > world.job.limits.ticks
        return tick if world.tick < tick <= world.job.limits.ticks else None

    def _clock_moves(self, world: World) -> bool:
        """Ask whether the process is late: deadlines expire before what is runnable runs."""
        if self._ready.batch:
            return False
        tick = self._next_tick(world)
        if tick is None:
            return False
        if world.chooser.ask(Kind.CLOCK, ("stay", f"move to {tick}"), 0, CLOCK) == 0:
            return False
        world.late_left -= 1
        world.tick = tick
        world.event("late", tick=tick)
        world.fire_timers()
        return True

    def force_out(self, world: World) -> None:
        """Throw `Abandoned` into every waiting task of a world that does not end by itself.

        Raises StuckWorld when that has been tried often enough.
        """
        world.stuck = True
        world.forced += 1
        if world.forced > _FORCE_MOST:
            raise StuckWorld(f"still there after {_FORCE_MOST} attempts to end it by force")
        for task, known in list(self.tasks.items()):
            if not known.ready and not any(n.child_tasks for n in task.child_nurseries):
                trio.lowlevel.reschedule(task, outcome.Error(Abandoned()))


def _too_many_steps(world: World) -> LimitReached:
    return LimitReached(
        f"more than {world.job.limits.steps} steps (Limits.steps) at tick {world.tick}: a task may "
        "loop without ever blocking, a send without back-pressure may never let time move, or the "
        "limit is too low for this scenario"
    )
