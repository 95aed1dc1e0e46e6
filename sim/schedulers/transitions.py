"""A run as a sequence of transitions, with what depends on what: the ground of partial orders.

Where any ready task may step next, every step is a transition of its own process. Where a runtime
steps its tasks in batches, a batch is one transition of the process "(loop)", for that is what can
be moved: nothing from outside can fall into it.

The dependency relation. Two transitions depend on each other if they are of one process, if one
created or woke the other's task, or if both touch one piece of shared state and one of them writes
it. Everything else commutes: reads of one name, a put and a get of different queues, the ends of
two children of one nursery. What a step reads and writes beyond what code notes itself (cancel
scopes, nurseries, time, the ready queue) is said in sim/kernel/steps.py.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from sim.model.record import CLOCK, LOOP, Access, Happened
from sim.model.schedule import Schedule


class Footprint:
    """What transitions read and wrote."""

    __slots__ = ("reads", "writes")

    def __init__(self, reads: Iterable[str] = (), writes: Iterable[str] = ()) -> None:
        self.reads = set(reads)
        self.writes = set(writes)

    def add(self, accesses: Iterable[Access]) -> None:
        """Add the accesses of one step."""
        for access in accesses:
            (self.writes if access.write else self.reads).add(access.name)

    def within(self, other: "Footprint") -> bool:
        """Whether whatever depends on this one depends on `other`, too."""
        return self.writes <= other.writes and self.reads <= other.reads | other.writes

    def depends(self, other: "Footprint") -> bool:
        """Whether the order of the two may matter."""
        return (
            not self.writes.isdisjoint(other.writes)
            or not self.writes.isdisjoint(other.reads)
            or not self.reads.isdisjoint(other.writes)
        )


@dataclass(slots=True)
class Transition:
    """One move of one process. level: index of the choice that picked it, -1 if there was none."""

    process: str
    level: int
    outside: bool
    steps: list[Happened] = field(default_factory=list)
    footprint: Footprint = field(default_factory=Footprint)

    def take(self, step: Happened) -> None:
        """Add a step to the transition."""
        self.steps.append(step)
        self.footprint.add(step.accesses)


def moves_of(steps: Iterable[Happened]) -> tuple[Transition, ...]:
    """Return a run's steps as transitions, without those that are of no account."""
    moves: list[Transition] = []
    batch: Transition | None = None
    for step in steps:
        if step.local:
            batch = None
            continue
        own = Transition(step.task, step.choice, step.outside)
        own.take(step)
        if step.task == LOOP:
            batch = own
            moves.append(own)
        elif batch is not None and step.task != CLOCK and not step.outside:
            batch.take(step)
        else:
            batch = None
            moves.append(own)
    return tuple(moves)


@dataclass(slots=True)
class Order:
    """Happens-before over transitions, as bit masks: bit i of entry j says that i comes before j.

    before: by dependence, transitively. causes: those that j could not have come before. direct:
    the dependences of j that are not implied by others.
    """

    before: list[int]
    causes: list[int]
    direct: list[list[int]]


def order_of(transitions: Sequence[Transition], schedule: Schedule, untimed: bool = False) -> Order:
    """Return the happens-before of a run.

    untimed: whether time may move before what the outside world is about to do.
    """
    order = Order([], [], [])
    last: dict[str, int] = {}
    writer: dict[str, int] = {}
    readers: dict[str, list[int]] = {}
    causes = _Causes(transitions, schedule, untimed, order.before)
    for index, one in enumerate(transitions):
        direct = set(causes.of(index))
        order.causes.append(_closed(direct, order.causes))
        footprint = one.footprint
        for name in footprint.reads | footprint.writes:
            if name in writer:
                direct.add(writer[name])
        for name in footprint.writes:
            direct.update(readers.get(name, ()))
            readers[name] = []
            writer[name] = index
        for name in footprint.reads - footprint.writes:
            readers.setdefault(name, []).append(index)
        if one.process in last:
            direct.add(last[one.process])
        last[one.process] = index
        order.before.append(_closed(direct, order.before))
        order.direct.append(_immediate(direct, order.before))
    return order


class _Causes:
    """Who had to come before whom whatever the order: same process, spawns, wake-ups, ends."""

    def __init__(
        self,
        transitions: Sequence[Transition],
        schedule: Schedule,
        untimed: bool,
        before: Sequence[int],
    ) -> None:
        self._untimed = untimed
        self._before = before
        self._loop_woken: list[int] = []
        self._transitions = transitions
        self._schedule = schedule
        self._processes: dict[str, str] = {}
        for one in transitions:
            for step in one.steps:
                self._processes[step.task] = one.process
        self._pending: dict[str, set[int]] = {}
        self._ended: dict[str, set[int]] = {}

    def of(self, index: int) -> Iterable[int]:
        """Return the direct causes of a transition; to be asked for each in turn."""
        one = self._transitions[index]
        found = self._pending.pop(one.process, set())
        if one.process == LOOP:  # of several that woke it, each on its own would have done
            woken, self._loop_woken = self._loop_woken, []
            found = {i for i in found if all(self._before[j] >> i & 1 for j in woken if j > i)}
        if one.process == CLOCK:  # time moves when nothing else can happen
            earlier = enumerate(self._transitions[:index])
            found.update(i for i, other in earlier if not (self._untimed and other.outside))
        for step in one.steps:
            self._note(step, one, index)
        self._pending.setdefault(one.process, set()).add(index)
        return found

    def _note(self, step: Happened, one: Transition, index: int) -> None:
        for task in (*step.spawned, *step.woke):
            process = self._processes.get(task, task)
            if process == LOOP != one.process:
                self._loop_woken.append(index)
            if process != one.process and not (process == LOOP and self._loop_was_free(one)):
                self._pending.setdefault(process, set()).add(index)
        if step.joined:
            ended = self._ended.setdefault(step.nursery, set())
            ended.add(index)
            if step.joined in step.woke:
                process = self._processes.get(step.joined, step.joined)
                self._pending.setdefault(process, set()).update(ended)
                del self._ended[step.nursery]

    def _loop_was_free(self, one: Transition) -> bool:
        """Whether the loop could have started its batch instead of this one."""
        return one.level >= 0 and LOOP in self._schedule[one.level].question.options


def _closed(direct: Iterable[int], masks: Sequence[int]) -> int:
    mask = 0
    for index in direct:
        mask |= masks[index] | 1 << index
    return mask


def _immediate(direct: Iterable[int], before: Sequence[int]) -> list[int]:
    """Return those of `direct` that come before no other one."""
    implied = 0
    for index in direct:
        implied |= before[index]
    return [index for index in sorted(direct) if not implied >> index & 1]
