"""Depth-first search over every schedule.

The search walks the tree of choices by re-execution: a run follows the path so far and beyond it
takes the first option of each choice; afterwards the deepest choice with an untried option is
advanced. Options are tried default first, so the first run is the default run.

With a price list (see bounded.py) options beyond the budget are left out, and counted in `pruned`,
so that nobody can call a bounded search complete.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sim.model.record import Step
from sim.model.schedule import Question, Schedule, parted

Price = Callable[[Question, int], int]
"""What it costs to answer a question with an option; of each question one option must be free."""


@dataclass(slots=True)
class _Level:
    """One choice on the path: the options to try there, with the total spent after each."""

    question: Question
    affordable: list[tuple[int, int]]
    position: int = 0


class Exhaustive:
    """Every schedule, or with `price` every schedule that costs at most `budget`.

    It is its own scheduler: `next_scheduler` sets it back to the start of a run.
    """

    def __init__(self, price: Price | None = None, budget: int = 0) -> None:
        if budget < 0:
            raise ValueError(f"budget must not be negative, not {budget}")
        self._price = price
        self._budget = budget
        self._path: list[_Level] = []
        self._depth = 0
        self._started = False
        self.pruned = 0

    def next_scheduler(self) -> "Exhaustive | None":
        """Return the scheduler of the next schedule, or None after the last one."""
        if self._started and not self._advance():
            return None
        self._started = True
        self._depth = 0
        return self

    def finished(self, schedule: Schedule, steps: Sequence[Step] = ()) -> bool:
        """Return True: every run is new. Raises Divergence if it was shorter than the path."""
        if len(schedule) < len(self._path):
            raise parted(len(schedule), self._path[len(schedule)].question, None)
        return True

    def choose(self, question: Question) -> int:
        """Return the option on the current path, or the first one on new ground."""
        if self._depth == len(self._path):
            self._path.append(_Level(question, self._afford(question)))
        level = self._path[self._depth]
        if level.question != question:
            raise parted(self._depth, level.question, question)
        self._depth += 1
        return level.affordable[level.position][0]

    def _afford(self, question: Question) -> list[tuple[int, int]]:
        default = question.default
        order = [default, *(i for i in range(len(question.options)) if i != default)]
        if self._price is None:
            return [(option, 0) for option in order]
        above = self._path[-1] if self._path else None
        spent = above.affordable[above.position][1] if above else 0
        priced = [(option, spent + self._price(question, option)) for option in order]
        kept = [(option, total) for option, total in priced if total <= self._budget]
        assert kept, "one option must be free"
        self.pruned += len(priced) - len(kept)
        return kept

    def _advance(self) -> bool:
        while self._path:
            level = self._path[-1]
            level.position += 1
            if level.position < len(level.affordable):
                return True
            self._path.pop()
        return False
