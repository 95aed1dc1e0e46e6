"""Strict replay: the same questions get the same answers, anything else is a divergence.

Three forms. `Replay` has whole choices and compares every question with the recorded one. `Follow`
has picks alone, as a shrinker or Hypothesis makes them: it answers from the list and then takes
defaults. `Deviate` has what differs from the defaults, as a token does. A pick that does not fit is
an error, never a silent clamp.
"""

from collections.abc import Mapping, Sequence

from sim.errors import Divergence
from sim.model.schedule import Question, Schedule, check_picks


class Replay:
    """Answer as recorded in `schedule`.

    Raises Divergence naming the choice, what was expected and what was met. Call `close` after the
    run: a run that asked fewer questions than recorded diverged too.
    """

    def __init__(self, schedule: Schedule) -> None:
        self._schedule = schedule
        self._index = 0

    def choose(self, question: Question) -> int:
        """Return the recorded answer."""
        index = self._index
        if index == len(self._schedule):
            raise Divergence(
                f"choice {index}: expected the end of the run, met {question.describe()}"
            )
        expected = self._schedule[index]
        if expected.question != question:
            raise Divergence(
                f"choice {index}: expected {expected.question.describe()}, "
                f"met {question.describe()}"
            )
        self._index += 1
        return expected.picked

    def close(self) -> None:
        """Raise Divergence if recorded choices were never asked for."""
        if self._index < len(self._schedule):
            expected = self._schedule[self._index].question
            raise Divergence(
                f"choice {self._index}: expected {expected.describe()}, met the end of the run"
            )


class Follow:
    """Answer with `picks` in turn, then with defaults.

    Raises BadSchedule at once for entries that are no picks, and Divergence at a pick that is not
    among the options met.
    """

    def __init__(self, picks: Sequence[object]) -> None:
        self._picks = check_picks(picks)
        self._index = 0

    def choose(self, question: Question) -> int:
        """Return the next pick, or the default when they are used up."""
        index = self._index
        self._index += 1
        if index >= len(self._picks):
            return question.default
        picked = self._picks[index]
        if picked >= len(question.options):
            raise _too_few(index, picked, question)
        return picked


class Deviate:
    """Answer with defaults but for `deviations`, picks by the index of their choice.

    Raises Divergence at a pick that is not among the options met. Call `close` after the run, with
    the number of choices that were recorded.
    """

    def __init__(self, deviations: Mapping[int, int]) -> None:
        self._deviations = deviations
        self._index = 0

    def choose(self, question: Question) -> int:
        """Return the recorded deviation, or the default."""
        index = self._index
        self._index += 1
        picked = self._deviations.get(index, question.default)
        if picked >= len(question.options):
            raise _too_few(index, picked, question)
        return picked

    def close(self, choices: int) -> None:
        """Raise Divergence if the run asked for another number of choices."""
        if self._index != choices:
            raise Divergence(f"expected {choices} choices, met {self._index}")


def _too_few(index: int, picked: int, question: Question) -> Divergence:
    return Divergence(
        f"choice {index}: expected at least {picked + 1} options, met {question.describe()}"
    )
