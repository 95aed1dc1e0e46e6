"""Source-set DPOR with sleep sets: one run for each class of schedules, where any task may step.

Where a loop runs its tasks in batches, races cannot be turned round where they are met: see
`sim.schedulers.caching`.

Abdulla, Aronis, Jonsson, Sagonas, "Optimal Dynamic Partial Order Reduction" (POPL 2014), algorithm
1, by re-execution. After each run every race in it (two transitions that depend on each other, are
of different processes, and of which the second could have come first) is turned round: at the
choice that picked the first, one of the processes that may begin the other order is put on the list
of what is still to be tried, unless one of them stands there already. A process that was tried at a
choice sleeps in what is tried there afterwards, until something happens that depends on its next
move; a run in which only sleepers could go on is cut, for its class was seen.

Two things are tried in full instead: choices that are not of order (a jitter, a number of
arrivals), and choices in which time may move, because nearly everything depends on time. One race
needs a rule of its own: what comes from outside may keep time from moving by what it wakes, so the
order in which time moves first is tried even if the two are not next to each other.

A step of a client that does nothing but take in what it does not wait for is made at once, and is
neither a transition nor part of a class (`Step.local`).
"""

from collections.abc import Sequence

from sim.errors import Redundant, WsraceError
from sim.model.record import CLOCK, TIME, Happened, Pending, Step
from sim.model.schedule import Question, Schedule, parted
from sim.schedulers.transitions import Footprint, Order, Transition, moves_of, order_of

Sleep = dict[str, Footprint]


class _Level:
    """One choice on the path. seen: what the move of each tried option read and wrote.

    order: whether it is a choice of order; else all options are tried. todo: options to try, in
    the order in which they were found. sleep: who slept when the choice was met. steps: how many
    had been made.
    """

    __slots__ = ("done", "order", "pick", "question", "seen", "sleep", "steps", "todo")

    def __init__(self, question: Question, sleep: Sleep, steps: int, local: str = "") -> None:
        self.question = question
        self.order = not question.asker and not isinstance(question.options, range)
        self.sleep = sleep
        self.steps = steps
        self.pick = question.default
        self.todo: list[int] = []
        self.done: set[int] = set()
        self.seen: dict[int, Footprint] = {}
        if self.order and local:
            self.pick = self.index(local)
        elif not self.order or CLOCK in question.options:
            self.todo = [i for i in range(len(question.options)) if i != self.pick]

    def sleepers(self) -> Sleep:
        """Return who sleeps below the option that is being tried."""
        options = self.question.options
        return {**self.sleep, **{str(options[i]): self.seen[i] for i in self.done}}

    def next_option(self) -> bool:
        """Go on to the next option to try. Return whether there is one."""
        self.done.add(self.pick)
        while self.todo:
            option = self.todo.pop(0)
            asleep = self.order and self.question.options[option] in self.sleep
            if option not in self.done and not asleep:
                self.pick = option
                return True
        return False

    def index(self, process: str) -> int:
        """Return which option lets `process` move, -1 if none does."""
        options = self.question.options
        return next((i for i, option in enumerate(options) if option == process), -1)

    def tries(self, process: str) -> bool:
        """Whether runs that begin with `process` here are, or will be, looked at from here."""
        index = self.index(process)
        return index == self.pick or index in self.done or index in self.todo

    def try_all(self) -> None:
        """Let every option be tried."""
        options = range(len(self.question.options))
        self.todo += [i for i in options if i not in self.todo and i not in self.done]


class Dpor:
    """Every class of schedules, once. It is its own scheduler, and watches the steps of its runs.

    untimed: whether its job is. The job must record steps, and must not have a late clock.
    """

    def __init__(self, untimed: bool = False) -> None:
        self._untimed = untimed
        self._path: list[_Level] = []
        self._steps: list[Happened] = []
        self._depth = 0
        self._started = False
        self._changed = 0
        self._pending: Pending | None = None
        self._sleep: Sleep = {}
        self._repeats = False

    # -- the search ----------------------------------------------------------------------------

    def next_scheduler(self) -> "Dpor | None":
        """Return the scheduler of the next run, or None after the last class."""
        if self._started and not self._advance():
            return None
        self._started = True
        self._depth = 0
        self._sleep = {}
        self._repeats = False
        del self._steps[self._path[-1].steps if self._path else 0 :]
        return self

    def _advance(self) -> bool:
        while self._path:
            if self._path[-1].next_option():
                self._changed = len(self._path) - 1
                return True
            self._path.pop()
        return False

    def finished(self, schedule: Schedule, steps: Sequence[Step] = ()) -> bool:
        """Turn round the races of a run. Return whether it was the first of its class.

        Raises Divergence if the run stopped short of the path.
        """
        if self._depth < len(self._path):
            raise parted(self._depth, self._path[self._depth].question, None)
        for step in steps[len(self._steps) :]:  # nothing was asked after the last ones
            self.watch(step)
        moves = moves_of(self._steps)
        self._remember(moves)
        self._turn_races(moves, schedule)
        return not self._repeats

    # -- one run -------------------------------------------------------------------------------

    def known(self) -> Sequence[Happened]:
        """Return the steps up to the choice that is answered otherwise than before."""
        return tuple(self._steps)

    def meet(self, pending: Pending, asks: bool) -> None:
        """Take note of what the next choice stands before."""
        self._pending = pending

    def choose(self, question: Question) -> int:
        """Return the option on the current path; on new ground, the first one that is awake.

        Raises Redundant if all are asleep.
        """
        if self._repeats:
            raise Redundant("its class was seen")
        if self._depth < len(self._path):
            level = self._path[self._depth]
            if level.question != question:
                raise parted(self._depth, level.question, question)
            self._sleep = level.sleepers() if level.order else level.sleep
        else:
            local = self._pending.local if self._pending is not None else ""
            level = _Level(question, dict(self._sleep), len(self._steps), local)
            if level.order and not local and not self._wake_one(level):
                self._repeats = True
                raise Redundant("its class was seen")
            self._path.append(level)
        self._depth += 1
        return level.pick

    def _wake_one(self, level: _Level) -> bool:
        options = level.question.options
        for index in (level.pick, *range(len(options))):
            if options[index] not in level.sleep:
                level.pick = index
                return True
        return False

    def watch(self, step: Happened) -> None:
        """Let a step wake those whose next move depends on it."""
        self._steps.append(step)
        if step.local:
            return
        done = Footprint()
        done.add(step.accesses)
        self._repeats |= step.task in self._sleep
        self._sleep = _still_asleep(self._sleep, done)

    # -- races ---------------------------------------------------------------------------------

    def _remember(self, moves: Sequence[Transition]) -> None:
        """Note at each choice of the path what the move that it picked read and wrote."""
        for one in moves:
            if one.level >= 0:
                level = self._path[one.level]
                level.seen[level.pick] = one.footprint

    def _turn_races(self, transitions: Sequence[Transition], schedule: Schedule) -> None:
        order = order_of(transitions, schedule, self._untimed)
        for later, one in enumerate(transitions):
            if one.process == CLOCK:
                self._let_time_move(transitions, order, later)
                continue
            for earlier in order.direct[later]:
                other = transitions[earlier]
                caused = order.causes[later] >> earlier & 1
                if other.process not in (one.process, CLOCK) and not caused:
                    self._turn(transitions, order, earlier, later, must=True)
        self._let_time_move(transitions, order, len(transitions))

    def _let_time_move(self, transitions: Sequence[Transition], order: Order, clock: int) -> None:
        """Try to let time move before what came from outside since it moved last.

        At the end of a run, too: what came may be why there was nothing more to wait for.
        """
        for earlier in _held_back(transitions, order, clock) if self._untimed else ():
            self._turn(transitions, order, earlier, clock, must=False)

    def _turn(
        self,
        transitions: Sequence[Transition],
        order: Order,
        earlier: int,
        later: int,
        must: bool,
    ) -> None:
        """See to it that `later` is tried before `earlier`."""
        if transitions[earlier].level < 0:
            if must:
                raise WsraceError(
                    f"no choice let {transitions[later].process!r} come before "
                    f"{transitions[earlier].process!r}, although nothing orders them"
                )
            return
        level = self._path[transitions[earlier].level]
        first = _initials(transitions, order, earlier, later)
        if any(level.tries(process) for process in first):
            return
        if any(process in level.sleep for process in first):
            last = transitions[later] if later < len(transitions) else None
            if last is not None and last.process in first and last.process in level.sleep:
                self._wake(level, last)
            return
        able = [level.index(process) for process in first if level.index(process) >= 0]
        if able:
            level.todo.append(able[0])
        elif must:
            raise WsraceError(
                f"{transitions[later].process!r} cannot come before "
                f"{transitions[earlier].process!r} at {level.question.describe()}"
            )

    def _wake(self, level: _Level, later: Transition) -> None:
        """See whether a move that is asleep at a level is the one that came later.

        The proof of source sets takes what a move touches for given. Here one step reads a flag and
        touches more, or less, if it is set: after a cancellation a task does not do what it would
        have done. A sleeper that was only ever woken by such a flag is not seen doing that below
        this level, so the races that it would be in are not met, and what has to come before it
        there is not known: everything is tried. (Found by generated programs; t1 writes x unless it
        is cancelled, t0 starts one who reads x and one who cancels t1.)
        """
        if not level.sleep[later.process].within(later.footprint):
            level.try_all()


def _still_asleep(sleep: Sleep, done: Footprint) -> Sleep:
    if not sleep:
        return sleep
    return {name: print_ for name, print_ in sleep.items() if not print_.depends(done)}


def _held_back(transitions: Sequence[Transition], order: Order, clock: int) -> list[int]:
    """Return what came from outside before time moved and might as well have come after.

    clock: index of the transition in which time moved; that of the end stands for the move that
    was not to be any more. What came before an earlier move is that one's affair.
    """
    moves = Footprint()
    if clock < len(transitions):
        moves = transitions[clock].footprint
    else:
        moves.writes.add(TIME)
    found: list[int] = []
    earlier = 0  # all that comes before an earlier move
    for index in range(clock - 1, -1, -1):
        one = transitions[index]
        if one.process == CLOCK:
            earlier |= order.before[index]
            continue
        if one.outside and one.level >= 0 and not earlier >> index & 1:
            found.append(index)
    return [index for index in found if moves.depends(transitions[index].footprint)]


def _initials(
    transitions: Sequence[Transition], order: Order, earlier: int, later: int
) -> list[str]:
    """Return the processes that may begin a run in which `later` comes before `earlier`.

    Of what lies between them, everything that does not come after `earlier`, and then `later`.
    """
    between = 0
    found: list[str] = []
    for index in range(earlier + 1, min(later + 1, len(transitions))):
        if index < later and order.before[index] >> earlier & 1:
            continue
        if not order.before[index] & between:
            found.append(transitions[index].process)
        between |= 1 << index
    return found
