"""Records what each step of a world did: accesses, wake-ups, spawns, joins, cancellations."""

from collections.abc import Sequence

import trio

from sim.kernel import trio_hook
from sim.kernel.names import Known
from sim.kernel.world import CLOCK, OpenStep, World

Task = trio.lowlevel.Task


class StepRecorder:
    """Keeps `world.step` up to date, for worlds whose steps are recorded."""

    def __init__(self, world: World, tasks: dict[Task, Known]) -> None:
        self._world = world
        self._tasks = tasks
        self._scopes: dict[trio.CancelScope, str] = {}
        self._ready: set[str] = set()

    def begin(self, task: Task, path: str, choice: int, ready: tuple[str, ...]) -> None:
        """Open the step that `task` takes now, chosen from `ready`."""
        world = self._world
        self._ready = set(ready) - {path}
        step = world.step = OpenStep(path, world.tick, choice, ready)
        world.recorded.append(step)
        for scope in trio_hook.enclosing_scopes(task):
            if scope is world.scope:
                break
            world.read(self._name(scope))

    def woken(self, ready: Sequence[str], expired: int) -> None:
        """Note who became ready since the last step: by it, or from `expired` on by the clock."""
        step = self._world.step
        if step is not None:
            step.woke += [path for path in ready[:expired] if self._is_new(path, step)]
        by_clock = [path for path in ready[expired:] if path not in self._ready]
        if by_clock and self._world.ending is None:
            self._clock_step().woke += by_clock

    def _is_new(self, path: str, step: OpenStep) -> bool:
        return path not in self._ready and path != step.task and path not in step.spawned

    def spawned(self, path: str) -> None:
        """Note that the current step created a task."""
        if self._world.step is not None:
            self._world.step.spawned.append(path)

    def exited(self, task: Task) -> None:
        """Note whom the exit of `task` may let go on."""
        nursery = task.parent_nursery
        parent = self._tasks.get(nursery.parent_task) if nursery is not None else None
        if self._world.step is not None and parent is not None:
            self._world.step.joined = parent.path

    def cancelling(self, scope: trio.CancelScope) -> None:
        """Note a cancellation as a write, by the current step or by the clock."""
        if self._world.ending is None:
            if not trio_hook.in_task():
                self._clock_step()
            self._world.write(self._name(scope))

    def _clock_step(self) -> OpenStep:
        world = self._world
        step = world.step
        if step is None or step.task != CLOCK or step.tick != world.tick:
            step = world.step = OpenStep(CLOCK, world.tick, -1, ())
            world.recorded.append(step)
        return step

    def _name(self, scope: trio.CancelScope) -> str:
        """Return the name of a cancel scope: a number in the order of first meeting."""
        name = self._scopes.get(scope)
        if name is None:
            name = self._scopes[scope] = f"scope:{len(self._scopes)}"
        return name
