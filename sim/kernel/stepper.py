"""The scheduling of one world at a time: who is ready, who steps, what each step did.

An `Instrument` (public Trio API) sees tasks being spawned and exiting; the hook asks `pick` before
every step. Tasks of the harness and of Trio itself are passed through without being a choice.
"""

from collections.abc import Sequence

import outcome
import trio

from sim.errors import LimitReached, StuckWorld, WsraceError
from sim.kernel import trio_hook
from sim.kernel.names import MAIN, Known
from sim.kernel.order import Candidates, Order
from sim.kernel.refuse import ASYNCIO, refusal
from sim.kernel.steps import StepRecorder
from sim.kernel.waiters import woken_by
from sim.kernel.world import World, own_line
from sim.model.record import CLOCK, LOOP, Ending
from sim.model.schedule import Kind
from sim.model.ticks import from_seconds

Task = trio.lowlevel.Task
_FORCE_MOST = 100


class Abandoned(BaseException):
    """Thrown into the tasks of a world that stays although it was cancelled."""


class Stepper(trio.abc.Instrument):
    """Lets the schedule of the current world pick from its ready tasks."""

    def __init__(self) -> None:
        self.world: World | None = None
        self.tasks: dict[Task, Known] = {}
        self._recorder: StepRecorder | None = None
        self._plain = False
        self._any = False
        self._asked = -1
        """Index of the choice that picked the step, -1 if there was nothing to choose."""

    def begin(self, world: World) -> None:
        """Start with an empty world; the next task spawned by the harness is its main task."""
        self.world = world
        self.tasks.clear()
        job = world.job
        self._recorder = StepRecorder(world, self.tasks) if job.steps else None
        # Where the clock is never late and nothing is noted, one ready task is no question.
        self._plain = not job.late and not job.untimed and not job.steps
        self._any = job.order is Order.ANY

    def finish(self) -> None:
        """Forget the world."""
        self.world = None

    # -- what Trio tells -----------------------------------------------------------------------

    def task_spawned(self, task: Task) -> None:
        """Give the task its name and side, if it belongs to the world."""
        world = self.world
        if world is None:
            return
        tasks = self.tasks
        if not tasks:
            tasks[task] = Known(MAIN, outside=False)
        else:
            nursery = task.parent_nursery
            if nursery is None or nursery.parent_task not in tasks:
                return
            spawner = tasks.get(world.current) if world.current is not None else None
            if spawner is None:
                spawner = tasks[nursery.parent_task]
            outside = world.sides.get(world.current, spawner.outside)
            known = tasks[task] = Known(spawner.child_path(task.name), outside)
            if self._recorder is not None:
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
        if self.world is not None and self._recorder is not None:
            self._recorder.made(scope)

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

    def pick(self, batch: list[Task], expired: int) -> list[Task]:
        """Return the one task to step now; tasks outside the world all go first."""
        world = self.world
        if world is None or not batch:
            return batch
        tasks = self.tasks
        if len(batch) == 1:
            known = tasks.get(batch[0])
            if known is None or (self._plain and world.ending is None and self._may_step(world)):
                if known is not None:
                    if not self._any:
                        world.candidates.stepped(known.path)
                    self._step(world, batch[0], known)
                return batch
        elif others := [task for task in batch if task not in tasks]:
            return others
        if len(batch) - expired > 1:
            batch[expired:] = self.by_address(batch[expired:])
        if self._recorder is not None:
            self._recorder.woken(batch, expired)
        return self._pick(world, batch)

    def _may_step(self, world: World) -> bool:
        if world.steps < world.most_steps:
            return True
        world.abort(Ending.STEP_LIMIT, _too_many_steps(world))
        return False

    def _pick(self, world: World, batch: list[Task]) -> list[Task]:
        tasks = self.tasks
        if world.ending is not None:
            if world.steps - world.end_steps > world.job.limits.grace:
                self.force_out(world, batch)
            self._step(world, batch[0], tasks[batch[0]])
            return batch[:1]
        if not self._may_step(world) or (world.late_left and self._clock_moves(world)):
            return []
        known = [tasks[task] for task in batch]
        try:
            path = self._choose(world, batch, known)
        except WsraceError as error:
            world.abort(Ending.DIVERGED, error)
            return []
        if path == CLOCK:
            self._move(world, tuple([one.path for one in known]))
            return []
        index = next(index for index, one in enumerate(known) if one.path == path)
        task = batch[index]
        if self._recorder is not None:
            self._recorder.begin(task, path, self._asked, tuple([one.path for one in known]))
        self._step(world, task, known[index])
        return [task]

    @staticmethod
    def _step(world: World, task: Task, known: Known) -> None:
        if trio_hook.met_foreign_yield(task):
            where = own_line(world.job, task)
            world.abort(Ending.REFUSED, refusal(ASYNCIO, known.path, where))
        world.steps += 1
        known.last_step = world.steps
        world.task = known.path
        world.current = task
        world.outside_steps = known.outside

    def _choose(self, world: World, batch: list[Task], ready: list[Known]) -> str:
        """Return the path of the task to step, or CLOCK if time is to move first."""
        self._asked = -1
        if world.job.order is Order.FIFO and len(ready) > 1:
            # asyncio's loop: what was ready, then what the selector found, then timers that are due
            # (asyncio/base_events.py, _run_once).
            ranks = {known.path: woken_by(task) for known, task in zip(ready, batch, strict=True)}
            ready = sorted(ready, key=lambda known: ranks[known.path])
        loop: list[str] = []
        outside: list[str] = []
        for known in ready:
            (outside if known.outside else loop).append(known.path)
        if not loop and world.job.untimed and self._next_tick(world) is not None:
            return self._ask(world, Kind.CLOCK, [*outside, CLOCK])
        if self._any:
            return self._ask(world, Kind.STEP, loop + outside if outside else loop)
        return self._choose_in_batches(world, loop, outside)

    def _choose_in_batches(self, world: World, loop: list[str], outside: list[str]) -> str:
        candidates = world.candidates
        kind, options = candidates.narrow(loop, outside)
        self._note_batch(candidates, -1)
        path = self._ask(world, kind, options)
        if path == LOOP:
            options = candidates.start(loop)
            self._note_batch(candidates, self._asked)
            path = self._ask(world, Kind.STEP, options)
        candidates.stepped(path)
        return path

    def _note_batch(self, candidates: Candidates, choice: int) -> None:
        if candidates.begun:
            candidates.begun = False
            if self._recorder is not None:
                self._recorder.batch(choice)

    def _ask(self, world: World, kind: Kind, options: Sequence[str]) -> str:
        if len(options) == 1:
            self._asked = -1
            return options[0]
        self._asked = world.chooser.asked
        running = options.index(world.task) if world.task in options else -1
        return options[world.chooser.ask(kind, tuple(options), 0, "", running)]

    def _move(self, world: World, ready: tuple[str, ...]) -> None:
        """Let time move to what is due next, as was chosen."""
        tick = self._next_tick(world)
        assert tick is not None
        world.tick = tick
        if self._recorder is not None:
            self._recorder.moved(self._asked, ready)
        world.fire_timers()

    @staticmethod
    def _next_tick(world: World) -> int | None:
        """Return the tick of the next deadline or timer, if the world may live to see it."""
        wait = trio.lowlevel.current_statistics().seconds_to_next_deadline
        due = [world.tick + from_seconds(wait)] if 0 < wait < float("inf") else []
        if world.next_timer is not None:
            due.append(world.next_timer)
        tick = min(due, default=world.tick)
        return tick if world.tick < tick <= world.job.limits.ticks else None

    def _clock_moves(self, world: World) -> bool:
        """Ask whether the process is late: deadlines expire before what is runnable runs."""
        if world.job.order is not Order.ANY and not world.candidates.between_batches:
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

    def force_out(self, world: World, ready: Sequence[Task] = ()) -> None:
        """Throw `Abandoned` into every waiting task of a world that does not end by itself.

        Raises StuckWorld when that has been tried often enough.
        """
        world.stuck = True
        world.forced += 1
        if world.forced > _FORCE_MOST:
            raise StuckWorld(f"still there after {_FORCE_MOST} attempts to end it by force")
        for task in list(self.tasks):
            if task not in ready and not any(n.child_tasks for n in task.child_nurseries):
                trio.lowlevel.reschedule(task, outcome.Error(Abandoned()))


def _too_many_steps(world: World) -> LimitReached:
    return LimitReached(
        f"more than {world.job.limits.steps} steps (Limits.steps) at tick {world.tick}: a task may "
        "loop without ever blocking, a send without back-pressure may never let time move, or the "
        "limit is too low for this scenario"
    )
