"""Records what each step of a world did: accesses, wake-ups, spawns, joins, cancellations.

The accesses of a step must tell all that its effect depends on. Beyond what code notes itself:

- a step reads every cancel scope that its task stands in, and those of every task that it wakes,
  since who is cancelled first cannot be woken any more;
- who cancels takes the cancelled out of what they wait in, so it writes all that they touched when
  they began to wait;
- tasks of somebody's own code write what they may share without a note, all of it, at every step;
- a child that exits reads its nursery, and a task that has a nursery open writes it: the children's
  exits commute, but not with what their parent does meanwhile;
- a step reads the time, which the clock writes; the outside world of an untimed run only if it
  looks at the clock, sets a timer, or keeps time from moving by letting a task of the loop run;
- where the loop steps its tasks in batches, who lets a task of the loop run from outside touches
  the ready queue, which every batch empties.

Scopes are named after the task that made them, so that a name means the same in every run.
"""

import math
from collections.abc import Callable, Sequence
from typing import Protocol, runtime_checkable

import trio

from sim.errors import Divergence
from sim.kernel import trio_hook
from sim.kernel.names import Known
from sim.kernel.order import Order, Ready
from sim.kernel.state import Numbers, state_of
from sim.kernel.world import OpenStep, World
from sim.model.record import CLOCK, LOOP, TIME, Access, Ending, Pending

Task = trio.lowlevel.Task


@runtime_checkable
class Watching(Protocol):
    """A scheduler that is shown every step of its run before the choice that follows it."""

    def watch(self, step: OpenStep) -> None:
        """Take note of a step that is over."""


@runtime_checkable
class Meeting(Protocol):
    """A scheduler that is told before each choice of order what is about to happen."""

    def meet(self, pending: Pending, asks: bool) -> None:
        """Take note of what the choice that follows stands before.

        asks: whether one follows; there is none where the loop alone can go on. Raises Redundant if
        it need not go on.
        """


@runtime_checkable
class StandingStill(Protocol):
    """A scheduler that is told how the world stands where its time is to move."""

    compares_states: bool
    """Whether it wants to be."""

    def stand(self, state: bytes, tick: int) -> None:
        """Take note of a state, and when it was. Raises Redundant if the run need not go on."""


@runtime_checkable
class Knowing(Protocol):
    """A scheduler that knows what the first steps of its run do, from a run that began alike."""

    def known(self) -> Sequence[OpenStep]:
        """Return those steps: they are not recorded again."""


_UNNOTED = "(unnoted)"
"""Whatever somebody's own code may share without a note, as one name of shared state."""
_READY = "(ready)"
"""The ready queue of the loop, as a name of shared state."""


def _last_step(known: Known) -> int:
    return known.last_step


class StepRecorder:
    """Keeps `world.step` up to date, for worlds whose steps are recorded."""

    def __init__(self, world: World, tasks: dict[Task, Known], numbers: Numbers) -> None:
        """Begin with a world. numbers: of states, kept from world to world."""
        self._world = world
        self._numbers = numbers
        self._tasks = tasks
        self._scopes: dict[trio.CancelScope, str] = {}
        self._made: dict[str, int] = {}
        self._last: dict[str, OpenStep] = {}
        self._cancels = False
        scheduler = world.job.scheduler
        self._stand: Callable[[bytes, int], None] | None = (
            scheduler.stand
            if isinstance(scheduler, StandingStill) and scheduler.compares_states
            else None
        )
        self._known = scheduler.known() if isinstance(scheduler, Knowing) else ()
        self._shown = len(self._known)
        self._current: OpenStep | None = None
        """The step being executed, `world.step` too while it is not a known one."""
        self._repeats = False
        """Whether it is a known one."""
        self._watch: Callable[[OpenStep], None] | None = (
            scheduler.watch if isinstance(scheduler, Watching) else None
        )
        self._meet: Callable[[Pending, bool], None] | None = (
            scheduler.meet if isinstance(scheduler, Meeting) else None
        )

    def begin(self, known: Known, choice: int, ready: tuple[str, ...]) -> None:
        """Open the step that a task takes now, chosen from `ready`."""
        world = self._world
        step = OpenStep(known.path, world.tick, choice, ready, known.outside)
        step.local = self._only_takes(known)
        self._last[known.path] = self._execute(step)
        if self._repeats:
            return
        if not (known.outside and world.job.untimed):
            world.read(TIME)
        if known.opaque:
            world.write(_UNNOTED)
        self._read_scopes(known.task)
        for nursery in known.task.child_nurseries:
            world.write(self._tasks_of(nursery))

    def meet(self, ready: Ready, asks: bool = True) -> None:
        """Tell the scheduler, if it wants to know, what a choice of order stands before.

        asks: whether there is a choice; there is none where the loop alone can go on.
        """
        if self._meet is None or (self._known and len(self._world.recorded) <= len(self._known)):
            return  # nobody asks, or the answer is known, too
        tasks = self._tasks
        batch = [known.path for known in ready.batch]
        loop = [(known.path, known.rank) for known in ready.loop]
        timers = [
            (tick, timer.why, tuple([tasks[task].path for task in timer.waiters or ()]))
            for tick, timer in self._world.timers()
        ]
        waiting = [known for known in tasks.values() if not known.outside and not known.ready]
        if self._world.job.order is Order.FIFO:
            waiting.sort(key=_last_step)
        else:  # whoever is woken first, any may step first
            batch, loop, timers, waiting = sorted(batch), sorted(loop), sorted(timers), []
        takers = (known.path for known in ready.outside if self._only_takes(known))
        order = tuple([known.path for known in waiting])
        told = Pending(tuple(batch), tuple(loop), tuple(timers), order, next(takers, ""))
        self._meet(told, asks)

    def stand(self, ready: Ready) -> None:
        """Tell the scheduler, if it wants to know, how the world stands where time is to move.

        Raises Redundant where going on would show nothing new.
        """
        world = self._world
        if len(world.recorded) < len(self._known):
            return
        self.meet(ready, asks=False)  # a history that is known needs no look at the state
        if self._stand is not None and world.job.standing is not None:
            trace = (*world.events, *world.remarks)
            state = state_of(world, self._tasks, world.job.standing(trace), self._numbers)
            if state is not None:
                self._stand(state, world.tick)

    def _only_takes(self, known: Known) -> bool:
        takes = self._world.takers.get(known.path)
        return takes is not None and takes()

    def batch(self, choice: int, ready: Ready) -> None:
        """Note that the loop starts its next batch."""
        step = self._open(OpenStep(LOOP, self._world.tick, choice, ()))
        if not self._repeats:
            step.accesses |= {Access(_READY, True): None, Access(TIME, False): None}
        self._show()  # before the first choice of the batch
        if choice < 0:
            self.meet(ready, asks=False)

    def moved(self, choice: int, ready: tuple[str, ...]) -> None:
        """Note that time moved by choice although `ready` could have stepped."""
        self._execute(self._clock_opened(choice, ready))

    def woken(self, by_step: Sequence[Known], by_clock: Sequence[Known]) -> None:
        """Note who became ready since the last step: by it, or by the clock."""
        if self._world.ending is not None:
            return
        step = self._world.step
        if step is not None:
            for known in by_step:
                path = known.path
                if path != step.task and path not in step.spawned:
                    step.woke.append(path)
                    self._read_scopes(known.task)
                    self._lets_run(known)
                    if path != step.joined:
                        self._taken_out(path)
        if by_clock:
            clock = self._clock_step()
            if not self._repeats:
                clock.woke += [known.path for known in by_clock]
                for known in by_clock:
                    self._taken_out(known.path)
        self._show()

    def spawned(self, task: Task, path: str) -> None:
        """Note that the current step created a task."""
        step = self._world.step
        if step is not None:
            step.spawned.append(path)
            self._lets_run(self._tasks[task])
            nursery = task.parent_nursery
            if nursery is not None:
                self._world.read(self._tasks_of(nursery))

    def exited(self, task: Task) -> None:
        """Note whom the exit of `task` may let go on."""
        nursery = task.parent_nursery
        parent = self._tasks.get(nursery.parent_task) if nursery is not None else None
        if self._world.step is not None and parent is not None and nursery is not None:
            step = self._world.step
            step.joined, step.nursery = parent.path, self._tasks_of(nursery)
            self._world.read(step.nursery)
            self._lets_run(parent)  # perhaps: only the last child does

    def made(self, scope: trio.CancelScope) -> None:
        """Name a scope after the task that makes it."""
        path = self._world.task
        number = self._made[path] = self._made.get(path, 0) + 1
        self._scopes[scope] = f"scope:{path}#{number}"

    def entering(self, scope: trio.CancelScope) -> None:
        """Note the entering of a scope as a read: it may have been cancelled already."""
        self._world.read(self._name(scope))

    def leaving(self, scope: trio.CancelScope) -> None:
        """Note that a deadline goes: the clock may have nothing to move to any more."""
        if scope.deadline != math.inf:
            self._world.read(TIME)

    def cancelling(self, scope: trio.CancelScope) -> None:
        """Note a cancellation as a write, by the current step or by the clock."""
        if self._world.ending is None:
            if not trio_hook.in_task():
                self._clock_step()
            self._world.write(self._name(scope))
            self._cancels = True

    def _taken_out(self, path: str) -> None:
        """Note what a cancellation changes: a woken task does not wait any more where it did."""
        last = self._last.get(path)
        if self._cancels and last is not None:
            for access in last.accesses:
                if not access.name.startswith(("(", "scope:")):
                    self._world.write(access.name)

    def _read_scopes(self, task: Task) -> None:
        world = self._world
        for scope in trio_hook.enclosing_scopes(task):
            if scope is world.scope:
                break
            world.read(self._name(scope))

    def _lets_run(self, known: Known) -> None:
        """Note that the current step lets a task run: in which batch depends on when."""
        step, order = self._world.step, self._world.job.order
        if step is None or not step.outside or known.outside:
            return
        step.accesses[Access(TIME, False)] = None
        if order is not Order.ANY:
            # In a batch of Trio's any order is possible, so that of two wake-ups says nothing.
            step.accesses[Access(_READY, order is Order.FIFO)] = None

    def _clock_step(self) -> OpenStep:
        step = self._current
        if step is None or step.task != CLOCK or step.tick != self._world.tick:
            step = self._execute(self._clock_opened(-1, ()))
        return step

    def _clock_opened(self, choice: int, ready: tuple[str, ...]) -> OpenStep:
        step = OpenStep(CLOCK, self._world.tick, choice, ready)
        step.accesses[Access(TIME, True)] = None
        return step

    def _execute(self, step: OpenStep) -> OpenStep:
        """Open a step to which what happens from now on belongs."""
        self._current = step = self._open(step)
        self._world.step = None if self._repeats else step
        return step

    def _open(self, step: OpenStep) -> OpenStep:
        """Return the step, or the known one that it repeats."""
        self._show()
        self._cancels = False
        recorded = self._world.recorded
        self._repeats = len(recorded) < len(self._known)
        if self._repeats:
            known = self._known[len(recorded)]
            if known.task != step.task:
                error = Divergence(
                    f"step {len(recorded)}: expected one of {known.task}, met one of {step.task}; "
                    "the run does not depend on its choices alone"
                )
                self._world.abort(Ending.DIVERGED, error)
            step = known
        else:
            step.events = len(self._world.events)
        recorded.append(step)
        return step

    def _show(self) -> None:
        """Show the scheduler what it has not seen yet."""
        if self._watch is not None:
            recorded = self._world.recorded
            while self._shown < len(recorded):
                self._shown += 1
                self._watch(recorded[self._shown - 1])

    def _tasks_of(self, nursery: trio.Nursery) -> str:
        return f"{self._name(nursery.cancel_scope)}.tasks"

    def _name(self, scope: trio.CancelScope) -> str:
        """Return the name of a cancel scope; one that nobody was seen to make is the harness's."""
        return self._scopes.get(scope, "scope:world")
