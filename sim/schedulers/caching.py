"""Happens-before caching: every class of schedules, where a loop runs its tasks in batches.

Depth first, by re-execution. Before each choice of order stands a *key*: what has happened, up to
the order of independent steps (`sim.schedulers.past`), and what is about to (`Pending`: who is
ready, in the order in which the runtime will take them, the timers, who waits). Two runs that meet
one key go on alike from there, whatever led to it, so a way that was gone once is not gone again.
(Musuvathi and Qadeer, "Partial-order reduction for context-bounded state exploration", 2007.)

Why the past alone is not enough. Under asyncio a step comes a fixed number of turns after the
arrival or timer that its chain of wake-ups goes back to. Let X1, X2, X3 be a chain of which X3
writes v, and let an arrival wake T1, which wakes T2, which reads v. An arrival before X1 lets T2
come before X3, any later one after it; but after X1 and the arrival, in either order, the same has
happened. What tells the two apart is who is ready, and in which order. For the same reason no race
can be turned round where it is met, as DPOR does: there is no choice at T2 or X3, and that at the
arrival is between steps that do not depend on each other. The ready queue is therefore part of the
key, but no part of the class, as it were if it counted as shared state.

Why it is sound. By induction over the length of a run: what a step does depends on its past alone
(that is what recorded accesses are for; `sim.exploration.audit` looks for what is not recorded),
and which steps may come next, on the key. So every run has one of the same class among those that
were made, or were cut where another one with the same key had been.

Sleep sets (Godefroid, 1996) save the second of two runs that differ by neighbours which commute in
fact, ready queue and all: steps within a batch of Trio's, steps of the outside that let nobody of
the loop run. As keys are kept, so is who slept there: whoever comes again with fewer sleepers goes
on with those alone that slept before (Godefroid, section 5.2).

A step of a client that does nothing but take in what it does not wait for is made at once and is
part of no class (`Step.local`).
"""

from collections.abc import Sequence
from typing import NamedTuple

from sim.errors import Redundant
from sim.model.record import CLOCK, LOOP, End, Happened, Pending, Step
from sim.model.schedule import Question, Schedule, Scheduler, parted
from sim.schedulers.past import Names, Past
from sim.schedulers.transitions import Footprint

Sleep = dict[str, Footprint]
_SEEN = "its class was seen"


class _Level:
    """One choice on the path.

    past, steps: what had happened there; None and unused once nothing is left to try. order:
    whether the options are steps, of which one that was tried sleeps in what is tried after it.
    """

    __slots__ = ("order", "past", "pick", "print", "question", "sleep", "steps", "todo")

    def __init__(
        self, question: Question, todo: list[int], sleep: Sleep, order: bool, past: Past, steps: int
    ) -> None:
        self.question = question
        self.pick, *self.todo = todo
        self.sleep = sleep
        self.order = order
        self.past = past.copy() if self.todo else None
        self.steps = steps
        self.print: Footprint | None = None

    def next_option(self) -> bool:
        """Go on to the next option to try. Return whether there is one."""
        if not self.todo:
            return False
        if self.order and self.print is not None:
            name = str(self.question.options[self.pick])
            assert name not in (LOOP, CLOCK), "they are tried last, so they never sleep"
            self.sleep = {**self.sleep, name: self.print}
        self.print = None
        self.pick = self.todo.pop(0)
        return True


def _key(past: Past, options: Sequence[str], pending: Pending | None) -> object:
    """Return what runs that go on alike have in common; options in any order."""
    return past.total, tuple(sorted(options)), pending


class History:
    """Follows another scheduler, and keeps what every choice of a run stood before.

    Runs that meet one key go on alike: the audit looks whether they do.
    """

    def __init__(self, scheduler: Scheduler) -> None:
        self._scheduler = scheduler
        self._past = Past()
        self._pending: Pending | None = None
        self._last = ""
        self.keys: list[tuple[object, str]] = []
        """For each choice the key, and the task that had stepped last; a key of its own for choices
        that are not of order."""

    def watch(self, step: Happened) -> None:
        """Let a step happen."""
        self._past.add(step)
        self._last = step.task

    def meet(self, pending: Pending, asks: bool) -> None:
        """Take note of what the next choice stands before."""
        self._pending = pending

    def choose(self, question: Question) -> int:
        """Return what the other scheduler picks."""
        picked = self._scheduler.choose(question)
        key = _key(self._past, [str(option) for option in question.options], self._pending)
        if question.asker:
            self._past.draw(question.asker, picked)
            key = object()  # in the middle of a step no two are one
        self.keys.append((key, self._last))
        return picked


class _Postponed(NamedTuple):
    """A run that stopped where its time would have moved beyond the horizon, to be gone on with."""

    due: int
    answers: tuple[tuple[Question, int], ...]
    steps: tuple[Happened, ...]
    past: Past
    sleep: Sleep


class Caching:
    """Every class of schedules, each found at least once. It is its own scheduler.

    It watches the steps of its runs, which its job must record. Runs that are postponed are kept,
    one of those that are alike so far, and gone on with by `resume`.
    """

    def __init__(self, states: bool = False, timeless: bool = False) -> None:
        """Begin.

        states: take worlds that stand alike for one, so that fewer classes are met. timeless: also
        if they do so at different times, of which the first has the most time left.
        """
        self.compares_states = states
        self._timeless = timeless
        self._names = Names()
        self._seen: dict[object, frozenset[str]] = {}
        self._classes: set[int] = set()
        self._path: list[_Level] = []
        self._steps: list[Happened] = []
        self._started = False
        self._postponed: list[_Postponed] = []
        self._standing: dict[object, int] = {}
        """For each state, and who slept there, when it was met first."""
        self.alike = 0
        """How many runs were cut because they stood still as another one had."""
        self.later = 0
        """How many of those did so later than the other one."""
        self._roots: list[_Postponed] = []
        self._begin()

    def _begin(self) -> None:
        self._depth = 0
        self._pending: Pending | None = None
        self._repeats = False
        self._resumed = False
        self._past = Past(self._names)
        self._sleep: Sleep = {}
        del self._steps[self._path[-1].steps if self._path else 0 :]
        level = self._path[-1] if self._path else None
        if level is not None and level.past is not None:
            self._past = level.past if not level.todo else level.past.copy()
            self._sleep = level.sleep

    # -- the search ----------------------------------------------------------------------------

    def next_scheduler(self) -> "Caching | None":
        """Return the scheduler of the next run, or None after the last class."""
        while self._started and self._path and not self._path[-1].next_option():
            self._path.pop()
        if self._started and not self._path:
            if not self._roots:
                return None
            self._go_on(self._roots.pop(0))
            return self
        self._started = True
        self._begin()
        return self

    def postpone(self, end: End) -> None:
        """Keep a run that was postponed, to go on with it later."""
        for step in end.trace_steps[len(self._steps) :]:
            self.watch(step)
        if not self._repeats:
            answers = tuple((choice.question, choice.picked) for choice in end.schedule)
            past = self._past.copy()
            self._postponed.append(
                _Postponed(end.due, answers, tuple(self._steps), past, self._sleep)
            )

    @property
    def due(self) -> int | None:
        """The first tick that postponed runs would have moved to; None if there are none."""
        return min((one.due for one in self._postponed), default=None)

    def resume(self, horizon: int) -> None:
        """Go on with the runs that were postponed, as far as they are due up to a tick."""
        self._roots += [one for one in self._postponed if one.due <= horizon]
        self._postponed = [one for one in self._postponed if one.due > horizon]

    def _go_on(self, one: _Postponed) -> None:
        self._path = [
            _Level(question, [pick], {}, False, one.past, 0) for question, pick in one.answers
        ]
        self._begin()
        self._steps = list(one.steps)
        self._past = one.past
        self._sleep = one.sleep
        self._resumed = True

    def finished(self, schedule: Schedule, steps: Sequence[Step] = ()) -> bool:
        """Return whether a run was the first of its class.

        Raises Divergence if it stopped short of the path.
        """
        if self._depth < len(self._path):
            raise parted(self._depth, self._path[self._depth].question, None)
        for step in steps[len(self._steps) :]:  # nothing was asked after the last ones
            self.watch(step)
        if self._repeats or self._past.total in self._classes:
            return False
        self._classes.add(self._past.total)
        return True

    # -- one run -------------------------------------------------------------------------------

    def known(self) -> Sequence[Happened]:
        """Return the steps up to the choice that is answered otherwise than before."""
        return tuple(self._steps)

    def watch(self, step: Happened) -> None:
        """Let a step happen, and wake those whose next move depends on it."""
        self._steps.append(step)
        self._past.add(step)
        level = self._path[step.choice] if step.choice >= 0 else None
        if not self._sleep and (level is None or not level.todo):
            return
        done = Footprint()
        done.add(step.accesses)
        if level is not None:
            level.print = done
        self._repeats |= step.task in self._sleep
        self._sleep = {
            name: print_ for name, print_ in self._sleep.items() if not print_.depends(done)
        }

    def meet(self, pending: Pending, asks: bool) -> None:
        """Take note of what the next choice stands before. Raises Redundant if that was seen."""
        self._pending = pending
        if not asks and not self._fresh((), ()):
            self._repeat()

    def stand(self, state: bytes, tick: int) -> None:
        """Take note of how the world stands where time is to move; at most one goes on from there.

        Whatever led there: what is to come depends on the state, and on how much time is left. Who
        stands there first has the most, so that whatever can happen to a later one can happen to it
        as soon, and without the later one: by induction over how soon. Raises Redundant for any
        other one.
        """
        if self._resumed:  # this is where it was postponed
            self._resumed = False
            return
        sleep = frozenset(self._sleep)
        key = (state, sleep) if self._timeless else (state, sleep, tick)
        first = self._standing.get(key)
        if first is not None and first <= tick:
            self.alike += 1
            self.later += first < tick
            self._repeat()
        self._standing[key] = tick

    def choose(self, question: Question) -> int:
        """Return the option on the current path; on new ground, the first one that is awake.

        Raises Redundant if there is none, or if all that may come was seen.
        """
        if self._repeats:
            self._repeat()
        if self._depth == len(self._path):
            self._path.append(self._level(question))
        level = self._path[self._depth]
        if level.question != question:
            raise parted(self._depth, level.question, question)
        self._depth += 1
        if question.asker and self._depth == len(self._path):
            self._past.draw(question.asker, level.pick)
        return level.pick

    def _level(self, question: Question) -> _Level:
        """Return a choice on new ground."""
        options = question.options
        order = not question.asker and not isinstance(options, range)
        todo = [question.default, *(i for i in range(len(options)) if i != question.default)]
        if order:
            assert self._pending is not None, "whoever asks tells first what is about to happen"
            if self._pending.local:
                todo = [list(options).index(self._pending.local)]
            else:
                names = [str(option) for option in options]
                left = self._fresh(names, [name for name in names if name in self._sleep])
                todo = [index for index in todo if names[index] in left]
                if not todo:
                    self._repeat()
        return _Level(question, todo, self._sleep, order, self._past, len(self._steps))

    def _fresh(self, options: Sequence[str], asleep: Sequence[str]) -> frozenset[str]:
        """Return which options are still to be tried before what is about to happen.

        Without options: an empty name if the loop alone was never seen to go on from here.
        """
        key = _key(self._past, options, self._pending)
        slept = self._seen.get(key)
        if slept is None:
            self._seen[key] = frozenset(asleep)
            return frozenset(options or [""]) - frozenset(asleep)
        self._seen[key] = slept & frozenset(asleep)
        return slept - frozenset(asleep)

    def _repeat(self) -> None:
        self._repeats = True
        raise Redundant(_SEEN)
