"""Depth-first search that goes on only once from each state.

A run that meets a state which another run has met stops there: depth-first search has looked at all
that can follow, or will, for whoever met it first goes on. So the sets of endings are those of the
full search, and numbers of runs say nothing about how likely an ending is.

A state may come with time that is left: how long what is under way may take, how long the run is
looked at. It only limits, so a state with more of it covers an equal one with less.

A state that a run meets again on its own way is no repetition but a cycle: the run is going round.
All that can be chosen there was offered when it was met first. But a run that goes round for ever
is an ending, too, and no other run shows it. So it goes round once more in the way it came, and on,
until whoever runs it ends it. Where it differs in how long nothing has happened it takes its usual
course, for somebody will make something happen.
"""

from collections.abc import Callable
from typing import NamedTuple

from sim.errors import Redundant
from sim.model.schedule import Question
from sim.schedulers.exhaustive import Exhaustive


class Met(NamedTuple):
    """A state that was met."""

    state: bytes
    waited: object
    """What of it does not count on a run's own way: how long nothing has happened."""
    left: tuple[int, ...] = ()
    """How much time is left, of each thing that has a limit; as many numbers in equal states."""


class Pruned(Exhaustive):
    """Every state, each gone on from once. It is its own scheduler."""

    def __init__(self, stop: Callable[[], bool] = lambda: False) -> None:
        """Prepare. stop: tells whether enough was looked at; then a run on new ground is cut."""
        super().__init__()
        self._stop = stop
        self._seen: dict[tuple[bytes, object], list[tuple[int, ...]]] = {}
        self._way: list[tuple[int, Met]] = []
        """The states on the way of this run, each with the number of choices before it."""
        self._places: dict[bytes, list[int]] = {}
        """Where on the way each state stands."""
        self._turns_round = False
        self._round: list[tuple[Question, int]] = []
        """What was asked and answered in one turn of the cycle that the run goes round in."""
        self._answered = 0
        self.states = 0
        """How many states were met."""
        self.alike = 0
        """How many runs were cut."""
        self._was_stopped = False
        """Whether the run was cut because enough was looked at: it is made again if more is."""
        self._least = -1
        """So many choices, and one more, are made before it may be cut for that again."""

    @property
    def on_new_ground(self) -> bool:
        """Whether the run has come further than all before it."""
        return self._depth == len(self._path)

    def next_scheduler(self) -> "Pruned | None":
        """Return the scheduler of the next run, or None after the last one."""
        if self._was_stopped:
            self._begin_again()
            return self
        if super().next_scheduler() is None:
            return None
        self._turns_round = False
        self._least = -1
        self._turn_back(len(self._path) - 1)  # the last answer is another one now
        return self

    def _begin_again(self) -> None:
        """Make the run again that was stopped: it meets anew what it met behind its last choice."""
        self._was_stopped = self._turns_round = False
        self._least = len(self._path)
        self._depth = 0
        for met in self._turn_back(len(self._path) - 1):
            known = self._seen[met.state, met.waited]
            known.remove(met.left)
            self.states -= not known

    def _turn_back(self, kept: int) -> list[Met]:
        """Leave the part of the way behind so many choices. Return the states on it."""
        left = []
        while self._way and self._way[-1][0] > kept:
            _, met = self._way.pop()
            self._places[met.state].pop()
            left.append(met)
        return left

    def visit(self, tell: Callable[[], tuple[bytes, object, tuple[int, ...]]]) -> bool:
        """Take note of a state. tell: returns it; asked only on new ground.

        Returns whether the run goes round from now on and need not be looked at, as long as nothing
        acts that does not belong to the state. Raises Redundant if it need not go on.
        """
        if not self.on_new_ground:
            return False
        if self._depth > self._least and self._stop():
            self._was_stopped = True
            raise Redundant("the search was stopped")
        met = Met(*tell())
        places = self._places.setdefault(met.state, [])
        before = [self._way[place] for place in places]
        before = [(depth, one) for depth, one in before if covers(one.left, met.left)]
        if before:
            self._turns_round = True
            same = [depth for depth, one in before if one.waited == met.waited]
            self._round = self._answers_since(same[-1]) if same else []
            return bool(same)
        self._turns_round = False
        known = self._seen.setdefault((met.state, met.waited), [])
        if any(covers(left, met.left) for left in known):
            self.alike += 1
            raise Redundant("its state was seen")
        known.append(met.left)
        self.states += len(known) == 1
        places.append(len(self._way))
        self._way.append((self._depth, met))
        return False

    def _answers_since(self, depth: int) -> list[tuple[Question, int]]:
        self._answered = 0
        levels = self._path[depth : self._depth]
        return [(one.question, one.pick) for one in levels if one.question is not None]

    def _afford(self, question: Question) -> list[tuple[int, int]]:
        if not self._turns_round:
            return super()._afford(question)
        answer = question.default
        if self._round:
            asked, given = self._round[self._answered % len(self._round)]
            self._answered += 1
            if asked == question:
                answer = given
            else:  # less time is left than there was
                self._round = []
        return [(answer, 0)]


def covers(more: tuple[int, ...], less: tuple[int, ...]) -> bool:
    """Whether there is at least as much time left, of each thing."""
    return all(one >= other for one, other in zip(more, less, strict=True))
