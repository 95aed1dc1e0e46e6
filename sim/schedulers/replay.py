"""Strict replay: the same questions get the same answers, anything else is a divergence.

Three forms. `Replay` has whole choices and compares every question with the recorded one. `Follow`
has picks alone, as a shrinker or Hypothesis makes them: it answers from the list and then takes
defaults. `Deviate` has what differs from the defaults, as a token does, and perhaps a mark of every
question. A pick that does not fit is an error, never a silent clamp.
"""

from collections.abc import Mapping, Sequence

from sim.errors import Divergence
from sim.model.marks import mark
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
            raise _too_long(index, question)
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

    choices: how many were recorded. marks: of their questions, if they are known. Raises Divergence
    at a question with another mark, at a pick that is not among the options met, and at a question
    too many. Call `close` after the run.
    """

    def __init__(
        self, deviations: Mapping[int, int], choices: int, marks: bytes | None = None
    ) -> None:
        self._deviations = deviations
        self._choices = choices
        self._marks = marks
        self._index = 0

    def choose(self, question: Question) -> int:
        """Return the recorded deviation, or the default."""
        index = self._index
        if index == self._choices:
            raise _too_long(index, question)
        picked = self._deviations.get(index, question.default)
        if picked >= len(question.options):
            raise _too_few(index, picked, question)
        if self._marks is not None and mark(question) != self._marks[index]:
            raise Divergence(
                f"choice {index}: expected a question with mark {self._marks[index]:02x}, met "
                f"{question.describe()} with mark {mark(question):02x}"
            )
        self._index += 1
        return picked

    def close(self) -> None:
        """Raise Divergence if the run asked for fewer choices."""
        if self._index < self._choices:
            raise Divergence(f"expected {self._choices} choices, met {self._index}")


class Lenient(Follow):
    """Follows picks; one that is not among the options met becomes the default."""

    def choose(self, question: Question) -> int:
        """Return the next pick that fits."""
        index = self._index
        if index < len(self._picks) and self._picks[index] >= len(question.options):
            self._index += 1
            return question.default
        return super().choose(question)


def _too_long(index: int, question: Question) -> Divergence:
    return Divergence(f"choice {index}: expected the end of the run, met {question.describe()}")


def _too_few(index: int, picked: int, question: Question) -> Divergence:
    return Divergence(
        f"choice {index}: expected at least {picked + 1} options, met {question.describe()}"
    )
