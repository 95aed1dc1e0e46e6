"""The commutation audit: steps that are called independent are swapped, and nothing may change.

A search that leaves out orders does so because neighbouring independent steps commute. That rests
on every read and write being noted. The audit draws runs, swaps two neighbours that the dependency
relation calls independent, runs that order, and compares how it ends. A difference means state that
nobody noted: a global in a guard, a cache, a clock.

Where a search cuts runs because an equal prefix was met, the audit goes on from both prefixes with
the same answers, and compares again, the classes too.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from sim.entropy import below, seed_for
from sim.kernel.series import run_once
from sim.model.engine import Job
from sim.model.record import CLOCK, End
from sim.model.schedule import Question, Schedule
from sim.runs.subject import Subject, record_or_none
from sim.schedulers.caching import History
from sim.schedulers.fifo import Fifo
from sim.schedulers.in_order import InOrder
from sim.schedulers.past import class_of
from sim.schedulers.transitions import Transition, moves_of, order_of
from sim.schedulers.uniform import Uniform

RUNS = 100
"""Runs that are drawn unless told otherwise."""


@dataclass(frozen=True, slots=True)
class Difference:
    """A swap that changed something: which processes, in which drawn run, and the two endings."""

    seed: int
    first: str
    second: str
    before: str
    after: str
    merge: bool = False
    """Whether two prefixes were taken for one, of which `first` and `second` are the last steps."""

    def words(self) -> str:
        """Return what was found, in one line."""
        if self.merge:
            return (
                f"prefixes that end with {self.first} and with {self.second} were taken for one, "
                f"but went on to {self.before!r} and {self.after!r}: some state is not noted"
            )
        return (
            f"{self.first} and {self.second} were taken to commute, but swapping them turned "
            f"{self.before!r} into {self.after!r}: some state between them is not noted"
        )


@dataclass(frozen=True, slots=True)
class Audit:
    """What an audit came to: how many swaps were tried, and which changed something."""

    swaps: int
    differences: tuple[Difference, ...]
    merges: int = 0
    """How many prefixes that count as one were gone on with from both."""


def audit_subject(subject: Subject, seed: int = 0, runs: int = RUNS) -> Audit:
    """Audit a subject whose times are settled: what must not change is how a run ends."""

    def judge(end: End) -> str:
        found = record_or_none(subject, end)
        return f"{end.ending}: {end.error}" if found is None else found.outcome.label

    return audit(subject.job(Fifo()), judge, seed, runs, subject.untimed)


def audit(
    job: Job,
    judge: Callable[[End], str],
    seed: int = 0,
    runs: int = RUNS,
    untimed: bool = False,
) -> Audit:
    """Draw runs of `job`, swap independent neighbours in each, and compare.

    judge: returns what of an end must not change. untimed: whether the outside world has no time.
    """
    watched = job.recording()
    found = list(_swaps(watched, judge, seed, runs, untimed))
    merged = list(_merges(watched, judge, seed, runs)) if job.in_batches else []
    differences = tuple(one for one in (*found, *merged) if one is not None)
    return Audit(len(found), differences, len(merged))


def _swaps(
    watched: Job, judge: Callable[[End], str], seed: int, runs: int, untimed: bool
) -> Iterator[Difference | None]:
    """Yield for each swap what it changed, None for nothing."""
    for number in range(runs):
        drawn = seed_for(seed, "audit", number)
        end = run_once(watched.under(Uniform(drawn)))
        moves = moves_of(end.trace_steps)
        places = list(_neighbours(moves, end, untimed))
        if not places:
            continue
        place = places[below(len(places), drawn, "swap")]
        order = list(moves)
        order[place], order[place + 1] = order[place + 1], order[place]
        before, after = judge(end), judge(run_once(watched.under(InOrder(order, end.schedule))))
        one, two = moves[place].process, moves[place + 1].process
        yield Difference(drawn, one, two, before, after) if before != after else None


def _merges(
    watched: Job, judge: Callable[[End], str], seed: int, runs: int
) -> Iterator[Difference | None]:
    """Yield for each pair of prefixes that count as one how they went on otherwise, or None."""
    met: dict[object, tuple[Schedule, str]] = {}
    for number in range(runs):
        drawn = seed_for(seed, "audit", number)
        history = History(Uniform(drawn))
        end = run_once(watched.under(history))
        pairs: list[tuple[int, Schedule, str, str]] = []
        for index, (key, last) in enumerate(history.keys):
            prefix = end.schedule[:index]
            earlier, task = met.setdefault(key, (prefix, last))
            if earlier != prefix:
                pairs.append((index, earlier, task, last))
        if not pairs:
            continue
        index, earlier, task, last = pairs[below(len(pairs), drawn, "merge")]
        other = run_once(watched.under(_SameOptions(earlier + end.schedule[index:])))
        before, after = (_ending(one, judge) for one in (end, other))
        yield Difference(drawn, last, task, before, after, True) if before != after else None


class _SameOptions:
    """Takes the options of a schedule by their names, wherever among the others they stand."""

    def __init__(self, schedule: Schedule) -> None:
        self._wanted = iter(schedule)

    def choose(self, question: Question) -> int:
        """Return the option that the schedule took, the default where there is none such."""
        wanted = next(self._wanted, None)
        if wanted is None or wanted.option not in question.options:
            return question.default
        return question.options.index(wanted.option)  # type: ignore[arg-type]


def _ending(end: End, judge: Callable[[End], str]) -> str:
    return f"{judge(end)}, class {class_of(end.trace_steps, end.schedule):x}"


def _neighbours(transitions: Sequence[Transition], end: End, untimed: bool) -> Iterator[int]:
    """Yield where a transition and the next one are independent, so that they may be swapped."""
    order = order_of(transitions, end.schedule, untimed)
    for index in range(len(transitions) - 1):
        one, two = transitions[index], transitions[index + 1]
        if CLOCK in (one.process, two.process) or one.level < 0:
            continue
        if not order.before[index + 1] >> index & 1:
            options = end.schedule[one.level].question.options
            if two.process in options:
                yield index
