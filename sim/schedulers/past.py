"""What has happened in a run so far, up to the order of what does not depend on each other.

Happens-before over single steps: of one task, from who woke or created a task to its next step,
between two accesses to one piece of shared state of which one writes, and before the clock all of
the loop. Nothing else orders steps; the ready queue and the loop's batches, least of all. Runs in
which the same steps happen in the same causal order are one class (Mazurkiewicz, "Trace theory",
1986); what they did to shared state, and what each task has seen of it, is the same.

A step is named by a hash of its task, its number, and the names of the steps right before it, so
that a name tells a step's whole past; a past is named by the sum of its steps. Such names mean the
same in every process. (Musuvathi and Qadeer, "Partial-order reduction for context-bounded state
exploration", 2007, cut searches by such names.)
"""

from collections.abc import Sequence
from hashlib import blake2b

from sim.model.record import CLOCK, LOOP, TIME, Happened, Step
from sim.model.schedule import Schedule

_BYTES = 12
_MODULUS = 1 << 8 * _BYTES
READY = "(ready)"
"""The ready queue of the loop, as a name of shared state. It is none for classes."""


class Names:
    """Names of steps, computed once in a search."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, int, int], int] = {}

    def __call__(self, task: str, number: int, before: int) -> int:
        """Return the name of a step: of its task, which it is, and what happened right before."""
        key = task, number, before
        name = self._known.get(key)
        if name is None:
            text = f"{number} {before} {task}".encode()
            digest = blake2b(text, digest_size=_BYTES).digest()
            name = self._known[key] = int.from_bytes(digest, "big")
        return name


class Past:
    """What has happened in one run so far; `total` names it."""

    def __init__(self, names: Names | None = None) -> None:
        self._names = names or Names()
        self.total = 0
        self._labels: list[int] = []
        self._before: list[int] = []
        """What comes before each step, as a mask of their indices."""
        self._last: dict[str, int] = {}
        self._count: dict[str, int] = {}
        self._writer: dict[str, int] = {}
        self._readers: dict[str, list[int]] = {}
        self._causes: dict[str, list[int]] = {}
        self._clock: int | None = None
        self._held: list[int] = []
        """Steps since time moved last that must come before it moves next: the loop's, and those
        that looked at the time."""

    def copy(self) -> "Past":
        """Return the same past, to go on from in another way."""
        twin = Past(self._names)
        twin.total = self.total
        twin._labels = self._labels[:]
        twin._before = self._before[:]
        twin._last = self._last.copy()
        twin._count = self._count.copy()
        twin._writer = self._writer.copy()
        twin._readers = {name: who[:] for name, who in self._readers.items()}
        twin._causes = {task: who[:] for task, who in self._causes.items()}
        twin._clock = self._clock
        twin._held = self._held[:]
        return twin

    def add(self, step: Happened) -> None:
        """Let a step happen."""
        if step.task == LOOP:
            return
        direct = set(self._causes.pop(step.task, ()))
        if step.local:
            return
        me = len(self._labels)
        if step.task in self._last:
            direct.add(self._last[step.task])
        looks = self._touch(step, direct, me)
        if looks and self._clock is not None:
            direct.add(self._clock)
        if step.task == CLOCK:
            direct.update(self._held)
            self._held = []
            self._clock = me
        elif looks or not step.outside:
            self._held.append(me)
        self._enter(step.task, direct, me)
        for task in (*step.woke, *step.spawned):
            self._causes.setdefault(task, []).append(me)

    def _touch(self, step: Happened, direct: set[int], me: int) -> bool:
        """Add what a step's accesses come after. Return whether it looks at the time."""
        looks = False
        writer, readers = self._writer, self._readers
        written: list[str] = []
        for access in step.accesses:
            name = access.name
            if name == TIME:
                looks = True
            elif name != READY:
                if name in writer:
                    direct.add(writer[name])
                if access.write:
                    direct.update(readers.get(name, ()))
                    written.append(name)
                else:
                    readers.setdefault(name, []).append(me)
        for name in written:
            writer[name] = me
            readers.pop(name, None)
        direct.discard(me)
        return looks

    def _enter(self, task: str, direct: set[int], me: int) -> None:
        """Name the step `me`, which comes right after `direct`."""
        implied = reached = 0
        for index in direct:
            implied |= self._before[index]
            reached |= 1 << index
        before = sum(self._labels[index] for index in direct if not implied >> index & 1)
        number = self._count[task] = self._count.get(task, 0) + 1
        label = self._names(task, number, before % _MODULUS)
        self._labels.append(label)
        self._before.append(implied | reached)
        self._last[task] = me
        self.total = (self.total + label) % _MODULUS

    def draw(self, asker: str, picked: int) -> None:
        """Let a choice that is not of order be answered."""
        task = f"?{asker}"
        number = self._count[task] = self._count.get(task, 0) + 1
        self.total = (self.total + self._names(task, number, picked)) % _MODULUS


def class_of(steps: Sequence[Step], schedule: Schedule) -> int:
    """Return the class of a run: equal for two runs iff they differ by commuting steps only.

    It holds every choice that is not one of order, too.
    """
    past = Past()
    for step in steps:
        past.add(step)
    for choice in schedule:
        if choice.question.asker:
            past.draw(choice.question.asker, choice.picked)
    return past.total
