"""Every class of schedules, by a depth-first search that goes no way twice (draft)."""

from collections.abc import Sequence

from sim.errors import Divergence, Redundant
from sim.model.record import Pending, Step
from sim.model.schedule import Question, Schedule
from sim.schedulers.past import Names, Past
import os
WAIT=not os.environ.get("NOWAIT")
LOCAL=not os.environ.get("NOLOCAL")


class _Level:
    __slots__ = ("pick", "question", "todo")

    def __init__(self, question: Question, pick: int, todo: list[int]) -> None:
        self.question = question
        self.pick = pick
        self.todo = todo


class Caching:
    def __init__(self, untimed: bool = False) -> None:
        self._path: list[_Level] = []
        self._names = Names()
        self._seen: set[object] = set()
        self._started = False
        self.classes: set[int] = set()
        self._begin()

    def _begin(self) -> None:
        self._depth = 0
        self._watched = 0
        self._past = Past(self._names)
        self._pending: Pending | None = None
        self._repeats = False

    def next_scheduler(self) -> "Caching | None":
        if self._started and not self._advance():
            return None
        self._started = True
        self._begin()
        return self

    def _advance(self) -> bool:
        while self._path:
            level = self._path[-1]
            if level.todo:
                level.pick = level.todo.pop(0)
                return True
            self._path.pop()
        return False

    def watch(self, step: Step) -> None:
        self._watched += 1
        self._past.add(step)

    def meet(self, pending: Pending) -> None:
        self._pending = pending

    def choose(self, question: Question) -> int:
        if self._repeats:
            raise Redundant("its class was seen")
        order = not question.asker and not isinstance(question.options, range)
        if self._depth < len(self._path):
            level = self._path[self._depth]
            if level.question != question:
                raise Divergence("x")
        else:
            todo = [i for i in range(len(question.options)) if i != question.default]
            pick = question.default
            if order:
                p = self._pending
                if p.local and LOCAL:
                    pick, todo = list(question.options).index(p.local), []
                else:
                    key = (self._past.total, question.options, p.batch, p.loop, p.timers, p.waiting if WAIT else ())
                    if key in self._seen:
                        self._repeats = True
                        raise Redundant("its class was seen")
                    self._seen.add(key)
            level = _Level(question, pick, todo)
            self._path.append(level)
        self._depth += 1
        if not order:
            self._past.draw(question.asker, level.pick)
        return level.pick

    def finished(self, schedule: Schedule, steps: Sequence[Step] = ()) -> bool:
        if self._repeats: return False
        for step in steps[self._watched:]:
            self.watch(step)
        new = self._past.total not in self.classes
        self.classes.add(self._past.total)
        return new
