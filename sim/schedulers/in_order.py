"""Runs in a given order of moves: how a run is made again with independent steps commuted."""

from collections import deque
from collections.abc import Iterable

from sim.model.record import Happened, Pending
from sim.model.schedule import Question, Schedule
from sim.schedulers.transitions import Transition


class InOrder:
    """Let the steps of transitions happen in the order in which those are given.

    schedule: where the answers to questions that are not of order are taken from; each asker gets
    its own, in turn.
    It watches the steps of its run, which must be recorded. Where the next step cannot be had,
    defaults are taken, so that the run always goes on; whoever asked compares what came of it.
    """

    def __init__(self, transitions: Iterable[Transition], schedule: Schedule = ()) -> None:
        self._tasks = deque(step.task for one in transitions for step in one.steps)
        self._local = ""
        self._values: dict[str, deque[int]] = {}
        for choice in schedule:
            if choice.question.asker:
                self._values.setdefault(choice.question.asker, deque()).append(choice.picked)

    def meet(self, pending: Pending, asks: bool) -> None:
        """Take note of who would do nothing of account: it steps at once, as in a search."""
        self._local = pending.local

    def watch(self, step: Happened) -> None:
        """Cross off a step that has happened."""
        if self._tasks and self._tasks[0] == step.task and not step.local:
            self._tasks.popleft()

    def choose(self, question: Question) -> int:
        """Return the option of the task that is to step next, else the default."""
        if question.asker:
            values = self._values.get(question.asker)
            picked = values.popleft() if values else question.default
            return picked if picked < len(question.options) else question.default
        wanted = self._local or (self._tasks[0] if self._tasks else "")
        options = (index for index, one in enumerate(question.options) if one == wanted)
        return next(options, question.default)
