"""Every class of schedules, by a depth-first search that goes no way twice (draft)."""

from collections.abc import Sequence

from sim.errors import Divergence, Redundant
from sim.model.record import Pending, Step, LOOP
from sim.model.schedule import Question, Schedule
from sim.schedulers.past import Names, Past
from sim.schedulers.transitions import Footprint
import os
NOSLEEP=os.environ.get("NOSLEEP")

class _Level:
    __slots__ = ("past", "steps", "pick", "question", "todo", "sleep", "prints", "order")

    def __init__(self, question: Question, pick: int, todo: list[int], sleep, order) -> None:
        self.question = question
        self.pick = pick
        self.todo = todo
        self.sleep = sleep
        self.prints = {}
        self.order = order


class Caching:
    def __init__(self, untimed: bool = False) -> None:
        self._path: list[_Level] = []
        self._names = Names()
        self._seen: dict = {}
        self._started = False
        self._steps = []
        self.classes: set[int] = set()
        self._begin()

    def _begin(self) -> None:
        self._depth = 0
        self._pending: Pending | None = None
        self._repeats = False
        if self._path:
            level = self._path[-1]
            self._past = level.past.copy()
            del self._steps[level.steps:]
            self._sleep = level.sleep
        else:
            self._past = Past(self._names)
            self._steps = []
            self._sleep = {}

    def known(self): return self._steps[:]

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
                if level.order:
                    name = level.question.options[level.pick]
                    level.sleep = {**level.sleep, name: level.prints[level.pick]}
                level.pick = level.todo.pop(0)
                return True
            self._path.pop()
        return False

    def watch(self, step: Step) -> None:
        self._steps.append(step)
        self._past.add(step)
        done = None
        if step.choice >= 0:
            level = self._path[step.choice]
            if level.order and level.pick not in level.prints:
                done = Footprint(); done.add(step.accesses)
                level.prints[level.pick] = done
        if self._sleep:
            if step.task in self._sleep:
                self._repeats = True
            if done is None:
                done = Footprint(); done.add(step.accesses)
            self._sleep = {n: p for n, p in self._sleep.items() if not p.depends(done)}

    def meet(self, p: Pending, asks) -> None:
        self._pending = p
        if not asks:
            key = (self._past.total, (), p.batch, p.loop, p.timers, p.waiting)
            if key in self._seen:
                self._repeats = True
                raise Redundant("its class was seen")
            self._seen[key] = frozenset()

    def choose(self, question: Question) -> int:
        if self._repeats:
            raise Redundant("its class was seen")
        order = not question.asker and not isinstance(question.options, range)
        if self._depth < len(self._path):
            level = self._path[self._depth]
            if level.question != question:
                raise Divergence("x")
        else:
            options = question.options
            todo = [i for i in range(len(options)) if i != question.default]
            pick = question.default
            if order:
                p = self._pending
                if p.local:
                    pick, todo = list(options).index(p.local), []
                    level = _Level(question, pick, todo, self._sleep, False)
                else:
                    key = (self._past.total, options, p.batch, p.loop, p.timers, p.waiting)
                    todo = [i for i in range(len(options)) if options[i] not in self._sleep or NOSLEEP]
                    asleep = frozenset(n for n in options if n in self._sleep)
                    if key in self._seen:
                        missing = () if NOSLEEP else self._seen[key] - asleep
                        todo = [i for i in todo if options[i] in missing]
                        self._seen[key] &= asleep
                    else:
                        self._seen[key] = asleep
                    if not todo:
                        self._repeats = True
                        raise Redundant("its class was seen")
                    pick = todo.pop(0)
                    level = _Level(question, pick, todo, {} if NOSLEEP else self._sleep, True)
            else:
                level = _Level(question, pick, todo, self._sleep, order)
            self._path.append(level)
            level.steps = len(self._steps)
            level.past = self._past.copy() if level.todo else None
        self._depth += 1
        if not order and self._depth>=len(self._path):
            self._past.draw(question.asker, level.pick)
        return level.pick

    def finished(self, schedule: Schedule, steps: Sequence[Step] = ()) -> bool:
        for step in steps[len(self._steps):]:
            self.watch(step)
        if self._repeats: return False
        new = self._past.total not in self.classes
        self.classes.add(self._past.total)
        return new
