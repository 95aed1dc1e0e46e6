"""Makes a failing run small: the schedule first, then the scenario.

A schedule is small if few of its choices deviate from the default, and among those if the run is
short. Schedules with 0, 1, 2, ... deviations are searched in that order, so the first number with a
failure is the least, unless the search had to be cut. A scenario is small if it has few messages,
clients and injections and round times; a smaller one is kept if the same failure is found in it
with no more deviations.
"""

from dataclasses import dataclass

from sim.exploration.inquiry import Inquiry
from sim.kernel.series import run_once, run_search
from sim.model.record import End
from sim.model.schedule import Schedule
from sim.runs.subject import Record, Subject, record_or_none
from sim.schedulers.bounded import deviation
from sim.schedulers.exhaustive import Exhaustive
from sim.schedulers.fifo import Fifo
from sim.schedulers.replay import Lenient

RUNS = 1500
"""Runs that a search for fewer deviations may take."""


@dataclass(frozen=True, slots=True)
class Shrunk:
    """A failing run made small. least: no schedule with fewer deviations fails, proven."""

    record: Record
    least: bool


class Shrinker:
    """Looks for smaller runs that fail in the same way as `failure` does."""

    def __init__(self, inquiry: Inquiry, failure: Record, runs: int = RUNS) -> None:
        """Prepare. runs: that a search for fewer deviations may take; a smaller scenario less."""
        self._inquiry = inquiry
        self._runs = runs
        self._keeps_subject = not failure.subject.tellable  # its picks are told, and nothing else
        self._wanted = kinds(failure)
        self._failure = failure

    def shrink(self) -> Shrunk:
        """Return the smallest failing run that was found."""
        best, least = self._schedule(self._failure.subject, self._failure, self._runs)
        changed = True
        while changed:
            changed = False
            for smaller in () if self._keeps_subject else best.subject.smaller():
                found = self._within(smaller, deviations(best.schedule), self._runs // 5)[0]
                if found is not None:
                    best, least = self._schedule(smaller, found, self._runs)
                    changed = True
                    break
        return Shrunk(best, least)

    def _schedule(self, subject: Subject, failing: Record, most: int) -> tuple[Record, bool]:
        """Return the failing run with the fewest deviations, and whether that is proven."""
        limit = deviations(failing.schedule)
        for budget in range(limit + 1):
            found, complete = self._within(subject, budget, most)
            if found is not None:
                return found, True
            if not complete:
                break
        return self._without_each(failing), False

    def _within(self, subject: Subject, budget: int, most: int) -> tuple[Record | None, bool]:
        """Return the shortest failing run with at most `budget` deviations; if all were tried."""
        best: Record | None = None

        def on_end(end: End) -> bool:
            nonlocal best
            found = record_or_none(subject, end)
            if found is not None and self._same(found):
                best = found if best is None or found.end.steps < best.end.steps else best
            return False

        series = run_search(subject.job(Fifo()), Exhaustive(deviation, budget), on_end, most)
        return best, series.complete

    def _without_each(self, failing: Record) -> Record:
        """Return the run with every deviation taken back that it does not need."""
        best = failing
        index = 0
        while index < len(best.schedule):
            if best.schedule[index].deviates:
                picks = [choice.picked for choice in best.schedule]
                picks[index] = best.schedule[index].question.default
                found = self._run(best.subject, picks)
                if found is not None and deviations(found.schedule) < deviations(best.schedule):
                    best = found
                    continue
            index += 1
        return best

    def _run(self, subject: Subject, picks: list[int]) -> Record | None:
        """Return the run that follows `picks` as far as they fit, if it fails in the same way."""
        found = record_or_none(subject, run_once(subject.job(Lenient(picks))))
        return found if found is not None and self._same(found) else None

    def _same(self, found: Record) -> bool:
        return self._inquiry.fails(found.outcome) and kinds(found) == self._wanted


def kinds(found: Record) -> frozenset[str]:
    """Return how a run fails: the kinds of its failures, or its label if it has none."""
    failures = {
        f"{one.kind}: {one.cause}" if one.cause else one.kind
        for one in found.outcome.findings
        if one.failure
    }
    return frozenset(failures) or frozenset({found.outcome.label})


def deviations(schedule: Schedule) -> int:
    """Return how many choices are not the default."""
    return sum(choice.deviates for choice in schedule)
