"""PCT: random priorities with d-1 change points.

Burckhardt, Kothari, Musuvathi, Nagarakatti, "A Randomized Scheduler with Probabilistic Guarantees
of Finding Bugs" (ASPLOS 2010): a bug of depth d is found with probability at least
1 / (n * k**(d-1)) for n tasks and k steps. Here k is counted in choices, because a step without
a choice cannot be a useful change point.
"""

from collections.abc import Sequence

from sim.entropy import below, draws, scale
from sim.model.schedule import Question


class Pct:
    """Run the task of highest priority; at d-1 drawn choices drop the leader below all others.

    seed: decides everything. depth: the bug depth d, at least 1. horizon: the expected number of
    choices in a run; change points are drawn from `range(horizon)`.
    Raises ValueError for a depth or a horizon below 1.
    """

    def __init__(self, seed: int, depth: int = 3, horizon: int = 100) -> None:
        if depth < 1:
            raise ValueError(f"depth must be at least 1, not {depth}")
        if horizon < 1:
            raise ValueError(f"horizon must be at least 1, not {horizon}")
        self._seed = seed
        self._priorities: dict[str, int] = {}
        self._asked = 0
        self._values = draws(seed, "pct value")
        # The first change point drops the leader least, the last one most, as in the paper.
        self._changes = {
            below(horizon, seed, "pct change", number): -number for number in range(1, depth)
        }

    def choose(self, question: Question) -> int:
        """Return the option of highest priority, after a change of priority if one is due."""
        options = question.options
        change = self._changes.get(self._asked)
        self._asked += 1
        if isinstance(options, range):
            return scale(next(self._values), len(options))
        leader = self._leader(options)
        if change is not None:
            self._priorities[options[leader]] = change
            leader = self._leader(options)
        return leader

    def _leader(self, options: Sequence[str]) -> int:
        ranks = [self._priority(option) for option in options]
        return ranks.index(max(ranks))

    def _priority(self, name: str) -> int:
        rank = self._priorities.get(name)
        if rank is None:
            rank = self._priorities[name] = next(draws(self._seed, "pct priority", name))
        return rank
