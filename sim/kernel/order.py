"""The ready tasks of a world, and which of them may step next: the part of a runtime about order.

Pure bookkeeping over what is known of tasks; no Trio. A task belongs to the *loop* (the server's
side, under the runtime's rules) or to the *outside* (clients, the network): those are never part of
the loop's queue, and what they do lands only where the runtime lets the outside in.

- any: any ready task at every step.
- batch (Trio): all that is ready forms a batch, stepped in any order; what becomes ready meanwhile
  waits for the next batch (trio/_core/_run.py, unrolled_run).
- fifo (asyncio): a batch again, but stepped in the order in which it became ready, save that the
  loop runs what was ready, then what the selector found, then timers that are due
  (asyncio/base_events.py, _run_once). The outside lands only between batches.

A step costs the same whether two tasks are ready or ten thousand: tasks are added and taken one by
one, and an order among all of them is nobody's business until a choice names its options.
"""

from bisect import insort_right
from collections import deque
from collections.abc import Iterator, Sequence
from enum import StrEnum
from itertools import chain
from typing import overload

from sim.kernel.names import Known
from sim.model.record import CLOCK, LOOP


class Order(StrEnum):
    """The orders that a runtime may leave open."""

    ANY = "any"
    BATCH = "batch"
    FIFO = "fifo"


def _rank(known: Known) -> int:
    return known.rank


class Ready:
    """The ready tasks of a world, in the order in which they became ready."""

    __slots__ = ("_fifo", "batch", "loop", "outside")

    def __init__(self, order: Order) -> None:
        self._fifo = order is Order.FIFO
        self.loop: list[Known] = []
        """Of the loop: what its next batch will be, or where any may step all of them."""
        self.batch: deque[Known] = deque()
        """What is left of the loop's current batch."""
        self.outside: list[Known] = []
        """Of the outside."""

    def __len__(self) -> int:
        return len(self.batch) + len(self.loop) + len(self.outside)

    def __iter__(self) -> Iterator[Known]:
        return chain(self.batch, self.loop, self.outside)

    def names(self) -> tuple[str, ...]:
        """Return the paths of all, the loop's first."""
        return tuple([known.path for known in self])

    def add(self, known: Known, rank: int) -> None:
        """Let a task be ready. rank: why it was woken, see `sim.kernel.waiters`."""
        known.ready = True
        side = self.outside if known.outside else self.loop
        if self._fifo:
            known.rank = rank
            if side and side[-1].rank > rank:
                insort_right(side, known, key=_rank)
                return
        side.append(known)

    def start_batch(self) -> None:
        """Let what is ready of the loop be its next batch."""
        assert not self.batch, "a batch starts when the one before is done"
        self.batch, self.loop = deque(self.loop), []

    def take_first(self) -> Known:
        """Take the task that is first in line, whatever the order."""
        side = self.batch or self.loop or self.outside
        known = side[0]
        del side[0]
        known.ready = False
        return known


class Options(Sequence[str]):
    """The names of the tasks that a choice is among, made when somebody reads them.

    It holds only until the choice is made: whoever keeps options keeps `tuple(options)`.
    """

    __slots__ = ("_first", "_last", "_second")

    def __init__(
        self, first: Sequence[Known], second: Sequence[Known] = (), last: str = ""
    ) -> None:
        self._first = first
        self._second = second
        self._last = last

    def __len__(self) -> int:
        return len(self._first) + len(self._second) + bool(self._last)

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[str, ...]: ...
    def __getitem__(self, index: int | slice) -> str | tuple[str, ...]:
        if isinstance(index, slice):
            return tuple(self)[index]
        if index < 0:
            index += len(self)
        if index < len(self._first):
            return self._first[index].path
        index -= len(self._first)
        if index < len(self._second):
            return self._second[index].path
        if index == len(self._second) and self._last:
            return self._last
        raise IndexError(index)

    def __iter__(self) -> Iterator[str]:
        for known in self._first:
            yield known.path
        for known in self._second:
            yield known.path
        if self._last:
            yield self._last

    def position(self, known: Known) -> int:
        """Return the index of a task that has just become ready, -1 if it is not among these.

        Found from the end, for that is where it was added.
        """
        for tasks, offset in ((self._second, len(self._first)), (self._first, 0)):
            for index in range(len(tasks) - 1, -1, -1):
                if tasks[index] is known:
                    return offset + index
                if tasks[index].outside is not known.outside:
                    break
        return -1

    def take(self, index: int) -> Known | str:
        """Take the task with an index out of the ready ones; return CLOCK or LOOP as they are."""
        tasks = self._first
        if index >= len(tasks):
            index -= len(tasks)
            tasks = self._second
            if index >= len(tasks):
                assert self._last in (CLOCK, LOOP)
                return self._last
        known = tasks[index]
        del tasks[index]  # type: ignore[attr-defined]
        known.ready = False
        return known
