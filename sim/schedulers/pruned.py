"""Depth-first search that goes on only once from each state.

A run that meets a state which another run has met stops there: depth-first search has looked at all
that can follow, or will, for whoever met it first goes on. So the sets of endings are those of the
full search, and numbers of runs say nothing about how likely an ending is.

A state that a run meets again on its own way is no repetition but a cycle: the run is going round.
All that can be chosen there was offered when it was met first, so the run takes its usual course,
and ends as whoever runs it says that such runs end.
"""

from collections.abc import Callable

from sim.errors import Redundant
from sim.model.schedule import Question
from sim.schedulers.exhaustive import Exhaustive

State = tuple[bytes, object]
"""A state, and what of it does not count on a run's own way: how long nothing has happened."""


class Pruned(Exhaustive):
    """Every state, each gone on from once. It is its own scheduler."""

    def __init__(self) -> None:
        super().__init__()
        self._seen: set[State] = set()
        self._way: list[tuple[int, bytes]] = []
        """The states on the way of this run, each with the number of choices before it."""
        self._turns_round = False
        self.alike = 0
        """How many runs were cut."""

    @property
    def states(self) -> int:
        """How many states were met."""
        return len(self._seen)

    @property
    def on_new_ground(self) -> bool:
        """Whether the run has come further than all before it."""
        return self._depth == len(self._path)

    def next_scheduler(self) -> "Pruned | None":
        """Return the scheduler of the next run, or None after the last one."""
        if super().next_scheduler() is None:
            return None
        self._turns_round = False
        kept = len(self._path) - 1  # the last answer is another one now
        while self._way and self._way[-1][0] > kept:
            self._way.pop()
        return self

    def visit(self, tell: Callable[[], tuple[bytes, object]]) -> None:
        """Take note of a state. tell: returns it; asked only on new ground. Raises Redundant."""
        if not self.on_new_ground:
            return
        state, waited = tell()
        if any(known == state for _, known in self._way):
            self._turns_round = True
            return
        self._turns_round = False
        if (state, waited) in self._seen:
            self.alike += 1
            raise Redundant("its state was seen")
        self._seen.add((state, waited))
        self._way.append((self._depth, state))

    def _afford(self, question: Question) -> list[tuple[int, int]]:
        if self._turns_round:
            return [(question.default, 0)]
        return super()._afford(question)
