"""The nearest run that passes, and a telling order in which every task's steps stand together."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from sim.exploration.inquiry import Inquiry
from sim.kernel.series import run_once, run_search
from sim.model.engine import Job
from sim.model.record import CLOCK, LOOP, End
from sim.runs.subject import Record, record, record_or_none
from sim.schedulers.bounded import deviation
from sim.schedulers.exhaustive import Exhaustive
from sim.schedulers.fifo import Fifo
from sim.schedulers.in_order import InOrder
from sim.schedulers.past import class_of
from sim.schedulers.replay import Lenient, Replay
from sim.schedulers.transitions import moves_of, order_of

MOST, MOST_STEPS = 400, 60_000
"""Runs that the search for a passing one may take, and steps in all of them: some runs are long."""


@dataclass(frozen=True, slots=True)
class Parting:
    """Where a failing and a passing run part.

    passing: the run that passes. index: of the first choice that differs; failed, passed: what was
    picked there.
    """

    passing: Record
    index: int
    failed: str
    passed: str


def nearest_passing(failing: Record, inquiry: Inquiry) -> Parting | None:
    """Return the passing run that agrees with `failing` for longest, if there is one near.

    From the last choice to the first, every other option is tried, first with what followed left as
    it was as far as it fits, then with defaults. If that gives nothing, schedules with at most two
    deviations from the default are.
    """
    picks = [choice.picked for choice in failing.schedule]
    job = failing.subject.job(Fifo())
    tried = steps = 0
    for index in range(len(picks) - 1, -1, -1):
        question = failing.schedule[index].question
        for option in range(len(question.options)):
            if option == picks[index]:
                continue
            for rest in (picks[index + 1 :], []):
                if (tried := tried + 1) > MOST or steps > MOST_STEPS:
                    return _among_few(failing, inquiry, job)
                end = run_once(job.under(Lenient([*picks[:index], option, *rest])))
                steps += end.steps
                found = record_or_none(failing.subject, end)
                if found is not None and not inquiry.fails(found.outcome):
                    return _parting(failing, found)
    return _among_few(failing, inquiry, job)


def _among_few(failing: Record, inquiry: Inquiry, job: Job) -> Parting | None:
    """Return the parting that comes last among passing runs with few deviations."""
    best: Parting | None = None
    steps = 0

    def on_end(end: End) -> bool:
        nonlocal best, steps
        steps += end.steps
        found = record_or_none(failing.subject, end)
        if found is not None and not inquiry.fails(found.outcome):
            parting = _parting(failing, found)
            if parting is not None and (best is None or parting.index > best.index):
                best = parting
        return steps > MOST_STEPS

    run_search(job, Exhaustive(deviation, 2), on_end, MOST)
    return best


def _parting(failing: Record, passing: Record) -> Parting | None:
    """Return the first choice in which two runs differ."""
    for index, (one, other) in enumerate(zip(failing.schedule, passing.schedule, strict=False)):
        if one != other:
            return Parting(passing, index, str(one.option), str(other.option))
    return None


def group_steps(found: Record) -> Record:
    """Return a run of the same class in which each task's steps stand together as far as can be.

    Independent steps are commuted and the run is made again, so what comes back is a real run; it
    is `found` itself where nothing is gained.
    """
    subject = found.subject
    job, untimed = subject.job(Replay(found.schedule)).recording(), subject.untimed
    end = run_once(job)
    transitions = moves_of(end.trace_steps)
    order = order_of(transitions, end.schedule, untimed)
    wanted = _grouped([one.process for one in transitions], order.before)
    moved = run_once(job.under(InOrder([transitions[i] for i in wanted], end.schedule)))
    same = class_of(moved.trace_steps, moved.schedule) == class_of(end.trace_steps, end.schedule)
    before, after = (_switches([s.task for s in one.trace_steps]) for one in (end, moved))
    return record(subject, moved) if same and after < before else found


def _grouped(processes: Sequence[str], before: Sequence[int]) -> list[int]:
    """Return an order that respects `before` and goes on with one process as long as it may."""
    done, order = 0, list[int]()
    left = list(range(len(processes)))
    while left:
        able = [index for index in left if not before[index] & ~done]
        same = [i for i in able if order and processes[i] == processes[order[-1]]]
        index = (same or able)[0]
        order.append(index)
        left.remove(index)
        done |= 1 << index
    return order


def _switches(tasks: Sequence[str]) -> int:
    tasks = [task for task in tasks if task not in (CLOCK, LOOP)]
    return sum(one != other for one, other in pairwise(tasks))
