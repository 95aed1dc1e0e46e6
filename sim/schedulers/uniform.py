"""Seeded uniform scheduling, coupled by name.

Each option draws from a stream of its own, keyed by (seed, kind, option), and the highest draw
wins. Every option is equally likely, and because a task's luck depends on its own name and on how
often it competed, a run with another guard meets the same luck for as long as it competes alike.
"""

from collections.abc import Iterator

from sim.entropy import draws, scale
from sim.model.schedule import Question


class Uniform:
    """Pick uniformly among the options. `seed`: any integer; it decides every answer."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._streams: dict[tuple[str, str], Iterator[int]] = {}

    def choose(self, question: Question) -> int:
        """Return the option with the highest draw, or a scaled draw for ranges."""
        options = question.options
        if isinstance(options, range):
            return scale(self._draw(question.kind, question.asker), len(options))
        kind = question.kind
        best = winner = -1
        for index, option in enumerate(options):
            draw = self._draw(kind, option)
            if draw > best:
                best, winner = draw, index
        return winner

    def _draw(self, kind: str, name: str) -> int:
        stream = self._streams.get((kind, name))
        if stream is None:
            stream = self._streams[kind, name] = draws(self._seed, kind, name)
        return next(stream)
