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
the loop run. As keys are kept, so is who slept there, each time that somebody came and went on.

Who comes to a key with the sleepers Z goes on with those alone that slept when one of the earlier
ones came, with the sleepers Y, and that are awake now: Y - Z. The promise to be kept at a key with
Z is: each rest of a run that begins with none of Z (up to the order of independent steps) is gone
through from here. One that begins with none of Y was promised then. Any other one begins with some
of Y - Z; let a be the first of these in the order in which they are tried. Below a sleep Z and who
is tried before a, as far as independent of it: none of these begins what is left, so that the
promise made there holds for it, by induction over how much is left. (The usual rule keeps one set
for each key, of those that have always slept, and goes on with those of it that are awake. It rests
on what was promised elsewhere being done already, which is so depth first, and not in pieces:
Godefroid, section 5.2. Here no order in which pieces are done matters. It never made a run more in
the shipped scenarios.)

A step of a client that does nothing but take in what it does not wait for is made at once and is
part of no class (`Step.local`).
"""

from collections.abc import Iterable, Sequence
from hashlib import blake2b

from sim.errors import Redundant
from sim.model.record import CLOCK, LOOP, End, Happened, Pending, Step
from sim.model.schedule import Question, Schedule, Scheduler, parted
from sim.schedulers.past import Names, Past
from sim.schedulers.transitions import Footprint
from sim.schedulers.tree import ROOT, Node, Seen, Sleeper, Way, stopped_short

Sleep = dict[str, Footprint]
_SEEN = "its class was seen"


class _Level:
    """One choice on the path.

    question: None on the way to a node, until it is met. past, steps: what had happened there; None
    and unused once nothing is left to try. order: whether the options are steps, of which one that
    was tried sleeps in what is tried after it.
    """

    __slots__ = ("order", "past", "pick", "print", "question", "sleep", "steps", "todo")

    def __init__(self, question: Question | None, todo: Sequence[int], sleep: Sleep) -> None:
        self.question = question
        self.pick, *self.todo = todo
        self.sleep = sleep
        self.order = False
        self.past: Past | None = None
        self.steps = 0
        self.print: Footprint | None = None

    def stand(self, past: Past, steps: int) -> None:
        """Take note of what has happened before."""
        assert self.question is not None, "it was met"
        self.order = is_of_order(self.question)
        self.past = past.copy() if self.todo else None
        self.steps = steps

    def next_option(self) -> bool:
        """Go on to the next option to try. Return whether there is one."""
        if not self.todo:
            return False
        self.sleep = self.sleep_after()
        self.print = None
        self.pick = self.todo.pop(0)
        return True

    def sleep_after(self) -> Sleep:
        """Return who sleeps in what is tried after the option that is being tried."""
        if not self.order or self.print is None:
            return self.sleep
        assert self.question is not None, "it was met"
        name = str(self.question.options[self.pick])
        assert name not in (LOOP, CLOCK), "they are tried last, so they never sleep"
        return {**self.sleep, name: self.print}


def is_of_order(question: Question) -> bool:
    """Whether a question is which task steps next."""
    return not question.asker and not isinstance(question.options, range)


def _key(past: Past, options: Iterable[str], pending: Pending | None) -> bytes:
    """Return what runs that go on alike have in common; options in any order.

    It means the same in every process.
    """
    told = repr((past.total, sorted(options), pending))
    return blake2b(told.encode(), digest_size=12).digest()


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
        key: object = _key(self._past, map(str, question.options), self._pending)
        if question.asker:
            self._past.draw(question.asker, picked)
            key = object()  # in the middle of a step no two are one
        self.keys.append((key, self._last))
        return picked


class Caching:
    """Every class of schedules, each found at least once. It is its own scheduler.

    It watches the steps of its runs, which its job must record. Runs that are put off are kept, one
    of those that are alike so far, and gone on with by `resume`.
    """

    def __init__(
        self, states: bool = False, timeless: bool = False, seen: Seen | None = None
    ) -> None:
        """Begin.

        states: take worlds that stand alike for one, so that fewer classes are met. timeless: also
        if they do so at different times, of which the first has the most time left. seen: what was
        met before, in the same search; states are not part of it, since their names hold in one
        process alone.
        """
        self.compares_states = states
        self._timeless = timeless
        self._names = Names()
        self._seen = seen or Seen()
        self._classes: set[int] = set()
        self._path: list[_Level] = []
        self._steps: list[Happened] = []
        self._open: list[Node] = [ROOT]
        """Nodes that were not begun yet, the next one last."""
        self.put_off: list[Node] = []
        """Where runs were put off."""
        self._standing: dict[object, int] = {}
        """For each state, and who slept there, when it was met first."""
        self.alike = 0
        """How many runs were cut because they stood still as another one had."""
        self.later = 0
        """How many of those did so later than the other one."""
        self._node: Node | None = None
        """The node on the way to which the run is."""
        self._way = Way()
        self._begin()

    def _begin(self) -> None:
        """Begin a run that goes the way of the one before, up to its last choice."""
        self._depth = 0
        self._pending: Pending | None = None
        self._repeats = False
        self._past = Past(self._names)
        self._sleep: Sleep = {}
        level = self._path[-1] if self._path else None
        del self._steps[level.steps if level else 0 :]
        if level is not None and level.past is not None:
            self._past = level.past if not level.todo else level.past.copy()
            self._sleep = level.sleep

    # -- the search ----------------------------------------------------------------------------

    def next_scheduler(self) -> "Caching | None":
        """Return the scheduler of the next run, or None after the last class."""
        while self._path and not self._path[-1].next_option():
            self._path.pop()
        if self._path:
            self._node = None
            self._begin()
        elif self._open:
            self._go_to(self._open.pop())
        else:
            return None
        return self

    def enter(self, nodes: Iterable[Node]) -> None:
        """Go on from these nodes, and nowhere else. To be called before the first run."""
        self._open = [*nodes][::-1]

    def leave(self) -> list[Node]:
        """Return the nodes that are still open, in the order in which it would go on."""
        found = []
        way, picks = Way(), list[int]()
        for level in self._path:
            if level.todo:
                sleep = _told(level.sleep_after())
                found.append(Node(tuple(picks), tuple(level.todo), sleep, way.name))
            assert level.question is not None, "who leaves has made runs"
            way.add(level.question)
            picks.append(level.pick)
        return found[::-1] + self._open[::-1]

    def postpone(self, end: End) -> None:
        """Keep a run that was put off, to go on with it later."""
        for step in end.trace_steps[len(self._steps) :]:
            self.watch(step)
        if not self._repeats:
            way = Way()
            for choice in end.schedule:
                way.add(choice.question)
            picks = tuple(choice.picked for choice in end.schedule)
            steps, sleep = len(self._steps), _told(self._sleep)
            self.put_off.append(Node(picks, (), sleep, way.name, steps, end.due))

    @property
    def due(self) -> int | None:
        """The first tick that postponed runs would have moved to; None if there are none."""
        return min((one.due for one in self.put_off), default=None)

    def resume(self, horizon: int) -> None:
        """Go on with the runs that were put off, as far as they are due up to a tick."""
        self._open = [one for one in self.put_off if one.due <= horizon][::-1] + self._open
        self.put_off = [one for one in self.put_off if one.due > horizon]

    def _go_to(self, node: Node) -> None:
        """Begin a run that goes to a node, whose past nobody has kept."""
        self._node = node
        self._way = Way()
        self._path = [_Level(None, [pick], {}) for pick in node.picks]
        if node.todo:
            self._path.append(_Level(None, node.todo, _woken(node.sleep)))
        self._begin()

    @property
    def _on_the_way(self) -> bool:
        """Whether what happens has happened to another run, which has looked at it."""
        node = self._node
        if node is None:
            return False
        if self._depth < len(node.picks) + bool(node.todo):
            return True
        return node.due >= 0 and len(self._steps) <= node.steps

    def finished(self, schedule: Schedule, steps: Sequence[Step] = ()) -> bool:
        """Return whether a run was the first of its class.

        Raises Divergence if it stopped short of the path.
        """
        if self._depth < len(self._path):
            raise stopped_short(self._depth, self._path[self._depth].question)
        for step in steps[len(self._steps) :]:  # nothing was asked after the last ones
            self.watch(step)
        if self._repeats or self._past.total in self._classes:
            return False
        self._classes.add(self._past.total)
        return True

    @property
    def total(self) -> int:
        """The class of the run that was made last."""
        return self._past.total

    # -- one run -------------------------------------------------------------------------------

    def known(self) -> Sequence[Happened]:
        """Return the steps up to the choice that is answered otherwise than before."""
        return tuple(self._steps)

    def watch(self, step: Happened) -> None:
        """Let a step happen, and wake those whose next move depends on it."""
        self._steps.append(step)
        self._past.add(step)
        node = self._node
        if node is not None and node.due >= 0 and len(self._steps) == node.steps:
            self._sleep = _woken(node.sleep)
            return
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
        if self._repeats or not (asks or self._on_the_way or self._fresh(())):
            self._repeat()  # a repetition leaves no visit: what it would promise, others keep

    def stand(self, state: bytes, tick: int) -> None:
        """Take note of how the world stands where time is to move; at most one goes on from there.

        Whatever led there: what is to come depends on the state, and on how much time is left. Who
        stands there first has the most, so that whatever can happen to a later one can happen to it
        as soon, and without the later one: by induction over how soon. Raises Redundant for any
        other one.
        """
        if self._on_the_way:
            return
        if self._repeats:
            self._repeat()
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
            met = True
        else:
            met = self._meets(self._path[self._depth], question)
        level = self._path[self._depth]
        self._depth += 1
        if question.asker and (met or self._depth == len(self._path)):
            self._past.draw(question.asker, level.pick)
        return level.pick

    def _meets(self, level: _Level, question: Question) -> bool:
        """Meet a choice that another run has met. Return whether it is on the way to a node."""
        if level.question is not None:
            if level.question != question:
                raise parted(self._depth, level.question, question)
            return False
        assert self._node is not None, "others have their questions"
        level.question = question
        if self._depth == len(self._node.picks):
            self._way.check(self._node)
            self._sleep = level.sleep
            level.stand(self._past, len(self._steps))
        self._way.add(question)
        if self._depth == len(self._node.picks) - 1 and not self._node.todo:
            self._way.check(self._node)
        return True

    def _level(self, question: Question) -> _Level:
        """Return a choice on new ground."""
        options = question.options
        todo = [question.default, *(i for i in range(len(options)) if i != question.default)]
        if is_of_order(question):
            assert self._pending is not None, "whoever asks tells first what is about to happen"
            if self._pending.local:
                todo = [list(options).index(self._pending.local)]
            else:
                names = [str(option) for option in options]
                left = self._fresh(names)
                todo = [index for index in todo if names[index] in left]
                if not todo:
                    self._repeat()
        level = _Level(question, todo, self._sleep)
        level.stand(self._past, len(self._steps))
        return level

    def _fresh(self, options: Sequence[str]) -> frozenset[str]:
        """Return which options are still to be tried before what is about to happen.

        Without options: an empty name if the loop alone is still to go on from here.
        """
        key = _key(self._past, options, self._pending)
        now, able = frozenset(self._sleep), frozenset(options)
        left = (able or frozenset([""])) - now
        for visit in self._seen.visits(key):
            awake = frozenset(map(str, visit)) - now
            if awake <= able and len(awake) < len(left):  # who cannot step yet may do so later
                left = awake
        if left:
            self._seen.add(key, tuple(sorted(now)))
        return left

    def _repeat(self) -> None:
        self._repeats = True
        raise Redundant(_SEEN)


def _told(sleep: Sleep) -> tuple[Sleeper, ...]:
    """Return who sleeps as plain data."""
    return tuple(
        (name, tuple(sorted(one.reads)), tuple(sorted(one.writes))) for name, one in sleep.items()
    )


def _woken(told: Iterable[Sleeper]) -> Sleep:
    """Return who sleeps from plain data."""
    return {name: Footprint(reads, writes) for name, reads, writes in told}
