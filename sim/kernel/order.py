"""Which ready tasks may step next: the part of a runtime that is about order.

Pure bookkeeping over task names; no Trio. A task belongs to the *loop* (the server's side, under
the runtime's rules) or to the *outside* (clients, the network): those are never part of the loop's
queue, and what they do lands only where the runtime lets the outside in.

- any: any ready task at every step.
- batch (Trio): all that is ready forms a batch, stepped in any order; what becomes ready meanwhile
  waits for the next batch (trio/_core/_run.py, unrolled_run).
- fifo (asyncio): a batch again, but stepped in the order in which it became ready
  (asyncio/base_events.py, _run_once; the stepper puts what I/O and timers woke last). The outside
  lands only between batches.
"""

from collections.abc import Sequence
from enum import StrEnum

from sim.model.record import LOOP
from sim.model.schedule import Kind


class Order(StrEnum):
    """The orders that a runtime may leave open."""

    ANY = "any"
    BATCH = "batch"
    FIFO = "fifo"


class Candidates:
    """Narrows the ready tasks to those that may step now."""

    __slots__ = ("_batch", "_order", "begun")

    def __init__(self, order: Order) -> None:
        self._order = order
        self._batch: list[str] = []
        self.begun = False
        """Whether a batch was begun since this was last set to False."""

    def narrow(self, loop: Sequence[str], outside: Sequence[str]) -> tuple[Kind, Sequence[str]]:
        """Return what kind of choice is open and its options, the default first.

        loop, outside: the ready tasks of either side in the order in which they became ready; at
        least one in all. When the outside may act it goes first by default: what happened before
        the loop looked is what the loop sees.
        """
        if self._order is Order.ANY:
            return Kind.STEP, [*loop, *outside] if outside else loop
        if self._batch:
            self._batch = [task for task in self._batch if task in loop]
        if self._batch or not outside:
            return Kind.STEP, self._within(loop)
        return Kind.ARRIVAL, [*outside, LOOP] if loop else outside

    def start(self, loop: Sequence[str]) -> Sequence[str]:
        """Let the loop run its next batch before the outside is asked again."""
        self._batch = []
        return self._within(loop)

    def stepped(self, task: str) -> None:
        """Note that `task` has had its step; ready again, it belongs to the next batch."""
        if task in self._batch:
            self._batch.remove(task)

    @property
    def between_batches(self) -> bool:
        """Whether the loop is about to look at the clock and at the outside."""
        return not self._batch

    def _within(self, loop: Sequence[str]) -> Sequence[str]:
        if not self._batch:
            self._batch = list(loop)
            self.begun = True
        return self._batch[:1] if self._order is Order.FIFO else list(self._batch)
