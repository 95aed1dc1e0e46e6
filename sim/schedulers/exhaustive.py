"""Depth-first search over every schedule.

The search walks the tree of choices by re-execution: a run follows the path so far and beyond it
takes the first option of each choice; afterwards the deepest choice with an untried option is
advanced. Options are tried default first, so the first run is the default run.

With a price list (see bounded.py) options beyond the budget are left out, and counted in `pruned`,
so that nobody can call a bounded search complete.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from sim.model.record import Step
from sim.model.schedule import Question, Schedule, parted
from sim.schedulers.tree import Node, Way, stopped_short

Price = Callable[[Question, int], int]
"""What it costs to answer a question with an option; of each question one option must be free."""


@dataclass(slots=True)
class _Level:
    """One choice on the path: the options to try there, with the total spent after each.

    question: None on the way to a node, until it is met.
    """

    question: Question | None
    affordable: list[tuple[int, int]]
    position: int = 0

    @property
    def pick(self) -> int:
        """The option that is being tried."""
        return self.affordable[self.position][0]

    @property
    def spent(self) -> int:
        """The total after it."""
        return self.affordable[self.position][1]


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
        self._open: list[Node] = []
        """Nodes to go on from, the next one last."""
        self._node: Node | None = None
        """The node on the way to which the run is."""
        self._asked = Way()

    def next_scheduler(self) -> "Exhaustive | None":
        """Return the scheduler of the next schedule, or None after the last one."""
        if self._advance():
            self._node = None
        elif self._open:
            self._go_to(self._open.pop())
        elif self._started:
            return None
        self._started = True
        self._depth = 0
        return self

    def enter(self, nodes: Iterable[Node]) -> None:
        """Go on from these nodes, and nowhere else. To be called before the first run."""
        self._open = [*nodes][::-1]
        self._started = True

    def leave(self) -> list[Node]:
        """Return the nodes that are still open, in the order in which it would go on."""
        found = []
        way, picks = Way(), list[int]()
        for level in self._path:
            left = tuple(option for option, _ in level.affordable[level.position + 1 :])
            if left:
                found.append(Node(tuple(picks), left, (), way.name))
            assert level.question is not None, "who leaves has made runs"
            way.add(level.question)
            picks.append(level.pick)
        return found[::-1] + self._open[::-1]

    def _go_to(self, node: Node) -> None:
        """Begin a run that goes to a node."""
        self._node, self._asked = node, Way()
        options = [(pick,) for pick in node.picks] + ([node.todo] if node.todo else [])
        self._path = [_Level(None, [(option, 0) for option in one]) for one in options]

    def finished(self, schedule: Schedule, steps: Sequence[Step] = ()) -> bool:
        """Return True: every run is new. Raises Divergence if it was shorter than the path."""
        if len(schedule) < len(self._path):
            raise stopped_short(len(schedule), self._path[len(schedule)].question)
        return True

    def choose(self, question: Question) -> int:
        """Return the option on the current path, or the first one on new ground."""
        if self._depth == len(self._path):
            self._path.append(_Level(question, self._afford(question)))
        level = self._path[self._depth]
        if level.question is None:
            self._meet(level, question)
        elif level.question != question:
            raise parted(self._depth, level.question, question)
        self._depth += 1
        return level.pick

    def _meet(self, level: _Level, question: Question) -> None:
        """Meet a choice on the way to a node."""
        assert self._node is not None, "others have their questions"
        level.question = question
        if self._depth == len(self._node.picks):
            self._asked.check(self._node)
        self._asked.add(question)
        if self._price is not None:
            above = self._path[self._depth - 1].spent if self._depth else 0
            level.affordable = [
                (option, above + self._price(question, option)) for option, _ in level.affordable
            ]

    def _afford(self, question: Question) -> list[tuple[int, int]]:
        default = question.default
        order = [default, *(i for i in range(len(question.options)) if i != default)]
        if self._price is None:
            return [(option, 0) for option in order]
        spent = self._path[-1].spent if self._path else 0
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
