"""Makes a failing run small: the schedule first, then the scenario.

A schedule is small if few of its choices deviate from the default, and among those if the run is
short. Schedules with 0, 1, 2, ... deviations are searched in that order, so the first number with a
failure is the least, unless the search had to be cut. A scenario is small if it has few messages,
clients and injections and round times; a smaller one is kept if the same failure is found in it
with no more deviations.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from pydantic import ValidationError

from sim.exploration.inquiry import Inquiry
from sim.kernel.series import run_once, run_search
from sim.model.record import End
from sim.model.scenario import Injection, Scenario
from sim.model.schedule import Question, Schedule
from sim.model.times import settled
from sim.runs.play import Record, job_for, record
from sim.runs.stage import Rung
from sim.schedulers.exhaustive import Exhaustive
from sim.schedulers.fifo import Fifo
from sim.schedulers.replay import Follow
from sim.sut.guards import Guard

RUNS = 1500
"""Runs that a search for fewer deviations may take."""
_SCENARIO_RUNS = 300
_ROUND_MS = (0, 1, 5, 10, 50, 100)


@dataclass(frozen=True, slots=True)
class Shrunk:
    """A failing run made small. least: no schedule with fewer deviations fails, proven."""

    record: Record
    least: bool


class Shrinker:
    """Looks for smaller runs that fail in the same way as `failure` does."""

    def __init__(self, inquiry: Inquiry, failure: Record, rung: Rung, guard: Guard | None) -> None:
        self._inquiry = inquiry
        self._rung = rung
        self._guard = guard
        self._wanted = kinds(failure)
        self._failure = failure

    def shrink(self) -> Shrunk:
        """Return the smallest failing run that was found."""
        best, least = self._schedule(self._failure.scenario, self._failure, RUNS)
        changed = True
        while changed:
            changed = False
            for smaller in _smaller(best.scenario):
                found = self._within(smaller, deviations(best.schedule), _SCENARIO_RUNS)[0]
                if found is not None:
                    best, least = self._schedule(smaller, found, RUNS)
                    changed = True
                    break
        return Shrunk(best, least)

    def _schedule(self, scenario: Scenario, failing: Record, most: int) -> tuple[Record, bool]:
        """Return the failing run with the fewest deviations, and whether that is proven."""
        limit = deviations(failing.schedule)
        for budget in range(limit + 1):
            found, complete = self._within(scenario, budget, most)
            if found is not None:
                return found, True
            if not complete:
                break
        return self._without_each(failing), False

    def _within(self, scenario: Scenario, budget: int, most: int) -> tuple[Record | None, bool]:
        """Return the shortest failing run with at most `budget` deviations; if all were tried."""
        best: Record | None = None

        def on_end(end: End) -> bool:
            nonlocal best
            found = record(scenario, end)
            if self._same(found) and (best is None or found.end.steps < best.end.steps):
                best = found
            return False

        job = job_for(scenario, Fifo(), self._rung, self._guard, self._inquiry.untimed)
        series = run_search(job, Exhaustive(deviation, budget), on_end, most)
        return best, series.complete

    def _without_each(self, failing: Record) -> Record:
        """Return the run with every deviation taken back that it does not need."""
        best = failing
        index = 0
        while index < len(best.schedule):
            if best.schedule[index].deviates:
                picks = [choice.picked for choice in best.schedule]
                picks[index] = best.schedule[index].question.default
                found = self._run(best.scenario, picks)
                if found is not None and deviations(found.schedule) < deviations(best.schedule):
                    best = found
                    continue
            index += 1
        return best

    def _run(self, scenario: Scenario, picks: list[int]) -> Record | None:
        """Return the run that follows `picks` as far as they fit, if it fails in the same way."""
        job = job_for(scenario, Fifo(), self._rung, self._guard, self._inquiry.untimed)
        end = run_once(job.under(Lenient(picks)))
        found = record(scenario, end)
        return found if self._same(found) else None

    def _same(self, found: Record) -> bool:
        return self._inquiry.fails(found.outcome) and kinds(found) == self._wanted


class Lenient(Follow):
    """Follows picks; one that is not among the options met becomes the default."""

    def choose(self, question: Question) -> int:
        """Return the next pick that fits."""
        index = self._index
        if index < len(self._picks) and self._picks[index] >= len(question.options):
            self._index += 1
            return question.default
        return super().choose(question)


def kinds(found: Record) -> frozenset[str]:
    """Return how a run fails: the kinds of its failures, or its label if it has none."""
    failures = {one.kind for one in found.outcome.findings if one.failure}
    return frozenset(failures) or frozenset({found.outcome.label})


def deviations(schedule: Schedule) -> int:
    """Return how many choices are not the default."""
    return sum(choice.deviates for choice in schedule)


def deviation(question: Question, option: int) -> int:
    """Charge 1 for every choice that is not the default: a price list for `Exhaustive`."""
    return int(option != question.default)


def _smaller(scenario: Scenario) -> Iterator[Scenario]:
    """Yield scenarios that are smaller in one respect, the greatest step first."""
    for update in _updates(scenario):
        try:
            made = Scenario.model_validate({**scenario.model_dump(), **update})
        except ValidationError:
            continue
        if made != scenario:
            yield made


def _updates(scenario: Scenario) -> Iterator[dict[str, object]]:
    injections = scenario.injections
    for index in range(len(injections)):
        yield {"injections": injections[:index] + injections[index + 1 :]}
    clients = scenario.clients
    for count in range(1, clients.count):
        yield {"clients": clients.model_copy(update={"count": count})}
    for messages in range(clients.messages if clients.script is None else 0):
        yield {"clients": clients.model_copy(update={"messages": messages})}
    for key in ("pause_ms", "delay_ms", "jitter_ms", "every_ms"):
        for ms in _rounder(getattr(clients, key)):
            yield {"clients": clients.model_copy(update={key: ms})}
    if scenario.pauses:
        yield {"pauses": {}}
    for ms in _rounder(settled(scenario.window_ms)):
        yield {"window_ms": ms}
    for hops in range(scenario.window_hops):
        yield {"window_hops": hops}
    for index, injection in enumerate(injections):
        for changed in _simpler(injection):
            yield {"injections": (*injections[:index], changed, *injections[index + 1 :])}


def _simpler(injection: Injection) -> Iterator[Injection]:
    if injection.queued:
        yield injection.model_copy(update={"queued": False})
    if injection.at is not None:
        for nth in range(1, injection.nth):
            yield injection.model_copy(update={"nth": nth})
    for key in ("delay_ms", "time_ms"):
        value = getattr(injection, key)
        for ms in _rounder(settled(value)) if value is not None else ():
            yield injection.model_copy(update={key: ms})


def _rounder(ms: float) -> Iterator[float]:
    """Yield rounder times below `ms`."""
    for value in _ROUND_MS:
        if value < ms:
            yield value
