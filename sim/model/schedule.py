"""Choices: the one sequence that decides a run. Schedulers answer choices, engines ask them.

An engine that meets a point where more than one thing may happen asks a `Question`; a `Scheduler`
answers with the index of an option; the `Chooser` between them checks the answer and writes it
down. Nothing else in a world is free, so the list of answers *is* the run: it can be drawn at
random, replayed, enumerated and shrunk. A seed only fills the list.

Nothing here knows Trio. The idea is Hypothesis' choice sequence (HypothesisWorks, internals) and
shuttle's Schedule (awslabs/shuttle, scheduler/mod.rs).
"""

from collections.abc import Sequence
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple, Protocol

from sim.errors import BadSchedule, Divergence

if TYPE_CHECKING:
    from sim.model.record import Step

Options = Sequence[str] | range
"""What may be picked: names, or a range of integers where there are too many to name."""


class Kind(StrEnum):
    """What a choice is about."""

    STEP = "step"
    """Which runnable task takes the next step."""
    ARRIVAL = "arrival"
    """What of the outside world becomes visible now: bytes, a close, an injection."""
    CLOCK = "clock"
    """Whether time moves, and to which deadline."""
    VALUE = "value"
    """Anything else that is drawn, such as a jitter."""


class Question(NamedTuple):
    """A point where a run may go on in more than one way.

    kind: what it is about. options: at least two. default: index of the option that a run without
    opinions takes. asker: who asks, a task path or a part such as "link:client>server".
    running: index of the task that stepped last, if it could go on; to pick another is a
    preemption. -1 where there is none.
    """

    kind: Kind
    options: Options
    default: int = 0
    asker: str = ""
    running: int = -1

    def describe(self) -> str:
        """Return one line for error messages."""
        shown = ", ".join(str(option) for option in self.options[:8])
        if len(self.options) > 8:
            shown += f", ... ({len(self.options)} in all)"
        return f"{self.kind} choice by {self.asker or 'the kernel'} among [{shown}]"


class Choice(NamedTuple):
    """A question with its answer: `picked` is the index of the option taken."""

    question: Question
    picked: int

    @property
    def option(self) -> str | int:
        """The option taken."""
        return self.question.options[self.picked]

    @property
    def deviates(self) -> bool:
        """Whether the answer differs from the default."""
        return self.picked != self.question.default


Schedule = tuple[Choice, ...]
"""The choices of one run, in the order in which they were asked."""


def picks(schedule: Schedule) -> tuple[int, ...]:
    """Return the answers alone: the shortest form that can be run again."""
    return tuple(choice.picked for choice in schedule)


def check_picks(values: Sequence[object]) -> tuple[int, ...]:
    """Return `values` as picks. Raises BadSchedule naming every entry that cannot be one."""
    faults = [
        f"pick {index}: expected an integer of at least 0, got {value!r}"
        for index, value in enumerate(values)
        if not isinstance(value, int) or isinstance(value, bool) or value < 0
    ]
    if faults:
        raise BadSchedule(*faults)
    return tuple(value for value in values if isinstance(value, int))


def parted(index: int, expected: Question, met: Question | None) -> Divergence:
    """Return the error for a run that does not meet the choices of one before it.

    met: what it met instead; None for its end.
    """
    what = "the end of the run" if met is None else met.describe()
    return Divergence(
        f"choice {index}: expected {expected.describe()}, met {what}; "
        "the run does not depend on its choices alone"
    )


class Scheduler(Protocol):
    """Answers the questions of one run."""

    def choose(self, question: Question) -> int:
        """Return the index of the option to take."""


class Search(Protocol):
    """Supplies the schedulers of a series of runs, learning from each run before the next."""

    def next_scheduler(self) -> Scheduler | None:
        """Return the scheduler of the next run, or None when there is nothing left to try."""

    def finished(self, schedule: Schedule, steps: Sequence["Step"] = ()) -> bool:
        """Take note of the run that the last scheduler made; return whether it counts.

        steps: what it did, if that is recorded. A run that repeats another one does not count.
        """


class Chooser:
    """Puts an engine's questions to a scheduler and records the answers, unless told not to."""

    __slots__ = ("_keep", "_scheduler", "asked", "choices")

    def __init__(self, scheduler: Scheduler, keep: bool = True) -> None:
        self._scheduler = scheduler
        self._keep = keep
        self.asked = 0
        self.choices: list[Choice] = []

    def ask(
        self, kind: Kind, options: Options, default: int = 0, asker: str = "", running: int = -1
    ) -> int:
        """Return the index of the option to take. A single option is no choice: it is not recorded.

        Raises BadSchedule if the scheduler answers outside the options, ValueError if there are
        none.
        """
        count = len(options)
        if count == 1:
            return 0
        if count == 0:
            raise ValueError(f"{kind} choice by {asker or 'the kernel'} without options")
        question = Question(kind, options, default, asker, running)
        picked = self._scheduler.choose(question)
        if not 0 <= picked < count:
            raise BadSchedule(
                f"choice {self.asked}: pick {picked} is outside 0..{count - 1}: "
                + question.describe()
            )
        self.asked += 1
        if self._keep:
            self.choices.append(Choice(question, picked))
        return picked

    def schedule(self) -> Schedule:
        """Return what was asked and answered so far."""
        return tuple(self.choices)
