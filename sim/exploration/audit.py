"""The commutation audit: steps that are called independent are swapped, and nothing may change.

A search that leaves out orders does so because neighbouring independent steps commute. That rests
on every read and write being noted. The audit draws runs, swaps two neighbours that the dependency
relation calls independent, runs that order, and compares how it ends. A difference means state that
nobody noted: a global in a guard, a cache, a clock.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from sim.entropy import below, seed_for
from sim.kernel.series import run_once
from sim.model.engine import Job
from sim.model.record import CLOCK, End
from sim.runs.subject import Subject, record_or_none
from sim.schedulers.fifo import Fifo
from sim.schedulers.in_order import InOrder
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

    def words(self) -> str:
        """Return what was found, in one line."""
        return (
            f"{self.first} and {self.second} were taken to commute, but swapping them turned "
            f"{self.before!r} into {self.after!r}: some state between them is not noted"
        )


@dataclass(frozen=True, slots=True)
class Audit:
    """What an audit came to: how many swaps were tried, and which changed something."""

    swaps: int
    differences: tuple[Difference, ...]


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
    swaps = 0
    differences: list[Difference] = []
    for number in range(runs):
        drawn = seed_for(seed, "audit", number)
        end = run_once(watched.under(Uniform(drawn)))
        transitions = moves_of(end.trace_steps)
        places = list(_neighbours(transitions, end, untimed))
        if not places:
            continue
        place = places[below(len(places), drawn, "swap")]
        order = list(transitions)
        order[place], order[place + 1] = order[place + 1], order[place]
        other = run_once(watched.under(InOrder(order, end.schedule)))
        swaps += 1
        before, after = judge(end), judge(other)
        if before != after:
            one, two = transitions[place].process, transitions[place + 1].process
            differences.append(Difference(drawn, one, two, before, after))
    return Audit(swaps, tuple(differences))


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
