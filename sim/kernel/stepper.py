"""The scheduling of one world at a time: who is ready, who steps, what each step did.

An `Instrument` (public Trio API) sees tasks being spawned, scheduled and exiting; the hook asks
`pick` before every step. Tasks are named by spawn path. Tasks of the harness and of Trio itself
are passed through without being a choice.
"""

from collections.abc import Sequence

import outcome
import trio

from sim.errors import LimitReached, StuckWorld, WsraceError
from sim.kernel import trio_hook
from sim.kernel.order import LOOP
from sim.kernel.world import CLOCK, OpenStep, World
from sim.model.record import Ending
from sim.model.schedule import Kind
from sim.model.ticks import from_seconds

MAIN = "main"
"""The task that calls the program."""


_FORCE_MOST = 100


class Abandoned(BaseException):
    """Thrown into the tasks of a world that stays although it was cancelled."""


class _Known:
    """What the kernel knows about one task of the world."""

    __slots__ = ("children", "last_step", "outside", "path")

    def __init__(self, path: str, outside: bool) -> None:
        self.path = path
        self.outside = outside
        self.last_step = 0
        self.children: dict[str, int] = {}

    def child_path(self, name: str) -> str:
        """Return the path of the next child called `name`: "name", then "name#2" and so on."""
        short = name.rpartition(".")[2]
        count = self.children[short] = self.children.get(short, 0) + 1
        prefix = "" if self.path == MAIN else self.path + "/"
        return f"{prefix}{short}" if count == 1 else f"{prefix}{short}#{count}"


class Stepper(trio.abc.Instrument):
    """Keeps the ready queue of the current world and lets its schedule pick from it."""

    def __init__(self) -> None:
        self.world: World | None = None
        self.tasks: dict[trio.lowlevel.Task, _Known] = {}
        self._ready: dict[str, trio.lowlevel.Task] = {}
        self._bulk: list[trio.lowlevel.Task] = []
        self._bulk_depth = 0
        self._scopes: dict[trio.CancelScope, str] = {}

    def begin(self, world: World) -> None:
        """Start with an empty world; the next task spawned by the harness is its main task."""
        self.world = world
        self.tasks.clear()
        self._ready.clear()
        self._bulk.clear()
        self._bulk_depth = 0
        self._scopes.clear()

    def finish(self) -> None:
        """Forget the world."""
        self.world = None

    # -- what Trio tells -----------------------------------------------------------------------

    def task_spawned(self, task: trio.lowlevel.Task) -> None:
        """Give the task its name and side, if it belongs to the world."""
        world = self.world
        if world is None:
            return
        if not self.tasks:
            self.tasks[task] = _Known(MAIN, outside=False)
            return
        nursery = task.parent_nursery
        if nursery is None or nursery.parent_task not in self.tasks:
            return
        spawner = self._current() or self.tasks[nursery.parent_task]
        known = _Known(
            spawner.child_path(task.name), outside=spawner.outside or world.spawning_outside
        )
        self.tasks[task] = known
        if world.step is not None:
            world.step.spawned.append(known.path)

    def task_scheduled(self, task: trio.lowlevel.Task) -> None:
        """Put the task at the end of the ready queue."""
        known = self.tasks.get(task)
        if known is None or self.world is None:
            return
        if self._bulk_depth or not trio.lowlevel.in_trio_task():
            self._bulk.append(task)
        else:
            self._queue_bulk()
            self._ready[known.path] = task
        step = self._step_now()
        if step is not None and step.task != known.path:
            step.woke.append(known.path)

    def task_exited(self, task: trio.lowlevel.Task) -> None:
        """Note whom the exit may let go on."""
        known = self.tasks.pop(task, None)
        world = self.world
        if known is None or world is None or world.step is None:
            return
        nursery = task.parent_nursery
        parent = self.tasks.get(nursery.parent_task) if nursery is not None else None
        world.step.joined = parent.path if parent is not None else ""

    def cancelling(self, scope: trio.CancelScope) -> None:
        """Note the cancellation of a scope as a write."""
        step = self._step_now()
        if step is not None and self.world is not None:
            self.world.write(self._scope_name(scope))

    def bulk(self, change: int) -> None:
        """Follow the brackets around wake-ups that Trio does in the order of addresses."""
        self._bulk_depth += change
        if not self._bulk_depth and trio.lowlevel.in_trio_task():
            self._queue_bulk()

    # -- what the hook asks --------------------------------------------------------------------

    def pick(self, batch: list[trio.lowlevel.Task]) -> list[trio.lowlevel.Task]:
        """Return the one task to step now; tasks outside the world all go first."""
        world = self.world
        if world is None or not batch:
            return batch
        if len(self._ready) + len(self._bulk) != len(batch):
            others = [task for task in batch if task not in self.tasks]
            if others:
                return others
        self._queue_bulk()
        return self._pick(world)

    def _pick(self, world: World) -> list[trio.lowlevel.Task]:
        ready = self._ready
        choice = -1
        if world.ending is not None:
            if world.steps - world.end_steps > world.job.limits.grace:
                self.force_out(world)
            path = next(iter(ready))
        else:
            if world.steps >= world.job.limits.steps:
                world.abort(Ending.STEP_LIMIT, _too_many_steps(world))
                return []
            if world.late_left and self._clock_moves(world):
                return []
            before = len(world.chooser.choices)
            try:
                path = self._choose(world)
            except WsraceError as error:
                world.abort(Ending.DIVERGED, error)
                return []
            if len(world.chooser.choices) > before:
                choice = before
                world.event("pick", option=path, of=len(ready))
        task = ready[path]
        world.steps += 1
        if world.job.steps and world.ending is None:
            self._open_step(world, path, choice, task)
        del ready[path]
        known = self.tasks[task]
        known.last_step = world.steps
        world.task = path
        return [task]

    def _choose(self, world: World) -> str:
        ready = self._ready
        candidates = world.candidates
        if len(ready) == 1:
            (only,) = ready
            candidates.stepped(only)
            return only
        loop: Sequence[str] = list(ready)
        outside = [path for path in loop if self.tasks[ready[path]].outside]
        if outside:
            loop = [path for path in loop if path not in outside]
        kind, options = candidates.narrow(loop, outside)
        path = self._ask(world, kind, options)
        if path == LOOP:
            path = self._ask(world, Kind.STEP, candidates.start(loop))
        candidates.stepped(path)
        return path

    @staticmethod
    def _ask(world: World, kind: Kind, options: Sequence[str]) -> str:
        if len(options) == 1:
            return options[0]
        running = options.index(world.task) if world.task in options else -1
        return options[world.chooser.ask(kind, tuple(options), 0, "", running)]

    def _clock_moves(self, world: World) -> bool:
        """Ask whether the process is late: deadlines expire before what is runnable runs."""
        if world.job.order.value != "any" and not world.candidates.between_batches:
            return False
        wait = trio.lowlevel.current_statistics().seconds_to_next_deadline
        if not 0 < wait < float("inf"):
            return False
        tick = world.tick + from_seconds(wait)
        if tick > world.job.limits.ticks:
            return False
        if world.chooser.ask(Kind.CLOCK, ("stay", f"move to {tick}"), 0, CLOCK) == 0:
            return False
        world.late_left -= 1
        world.tick = tick
        world.event("late", tick=tick)
        return True

    def force_out(self, world: World) -> None:
        """Throw `Abandoned` into every waiting task of a world that does not end by itself.

        Raises StuckWorld when that has been tried often enough.
        """
        world.stuck = True
        world.forced += 1
        if world.forced > _FORCE_MOST:
            raise StuckWorld(f"still there after {_FORCE_MOST} attempts to end it by force")
        ready = set(self._ready.values())
        for task in list(self.tasks):
            if task not in ready and not any(n.child_tasks for n in task.child_nurseries):
                trio.lowlevel.reschedule(task, outcome.Error(Abandoned()))

    # -- book-keeping --------------------------------------------------------------------------

    def _queue_bulk(self) -> None:
        """Queue what was woken together in the order in which the tasks last stepped.

        That is the order in which they began to wait, and so asyncio's order too.
        """
        if self._bulk:
            for task in sorted(self._bulk, key=lambda task: self.tasks[task].last_step):
                self._ready[self.tasks[task].path] = task
            self._bulk.clear()

    def _open_step(self, world: World, path: str, choice: int, task: trio.lowlevel.Task) -> None:
        step = world.step = OpenStep(path, world.tick, choice, tuple(self._ready))
        world.recorded.append(step)
        for scope in trio_hook.enclosing_scopes(task):
            if scope is world.scope:
                break
            world.read(self._scope_name(scope))

    def _step_now(self) -> OpenStep | None:
        """Return the step being executed; between steps it is a step of the clock."""
        world = self.world
        if world is None or not world.job.steps or world.ending is not None:
            return None
        if trio.lowlevel.in_trio_task():
            return world.step
        step = world.step
        if step is None or step.task != CLOCK or step.tick != world.tick:
            step = world.step = OpenStep(CLOCK, world.tick, -1, ())
            world.recorded.append(step)
        return step

    def _scope_name(self, scope: trio.CancelScope) -> str:
        """Return the name of a cancel scope: the step and task that first met it."""
        name = self._scopes.get(scope)
        if name is None:
            name = self._scopes[scope] = f"scope:{len(self._scopes)}"
        return name

    def _current(self) -> _Known | None:
        if not trio.lowlevel.in_trio_task():
            return None
        return self.tasks.get(trio.lowlevel.current_task())


def _too_many_steps(world: World) -> LimitReached:
    return LimitReached(
        f"more than {world.job.limits.steps} steps (Limits.steps) at tick {world.tick}: a task may "
        "loop without ever blocking, a send without back-pressure may never let time move, or the "
        "limit is too low for this scenario"
    )
