"""Series of runs: jobs in, ends out. Knows neither schedulers nor what is simulated."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from sim.model.engine import Job, Plan
from sim.model.record import End
from sim.model.schedule import Search

OnEnd = Callable[[End], bool | None]
"""Called with each end; returning True stops the series."""


@dataclass(frozen=True, slots=True)
class Series:
    """How a series of runs went."""

    runs: int
    complete: bool
    """Whether the search had nothing left to try."""


def run_plan(plan: Plan) -> None:
    """Run the jobs of a plan on the engine of its first one, and send it the ends."""
    try:
        first = next(plan)
    except StopIteration:
        return

    def whole() -> Plan:
        job = first
        try:
            while True:
                job = plan.send((yield job))
        except StopIteration:
            return
        finally:
            plan.close()

    first.engine().run(whole())


def run_all(jobs: Iterable[Job], on_end: OnEnd) -> Series:
    """Run `jobs` one after the other on the engine of the first."""
    runs = 0
    complete = True

    def plan() -> Plan:
        nonlocal runs, complete
        for job in jobs:
            end = yield job
            runs += 1
            if on_end(end):
                complete = False
                return

    run_plan(plan())
    return Series(runs, complete)


def run_search(job: Job, search: Search, on_end: OnEnd, max_runs: int = 1_000_000) -> Series:
    """Run `job` under every scheduler that `search` supplies, at most `max_runs` times.

    job: its own scheduler is ignored. on_end: called with each end that counts for the search. The
    series is complete only if the search itself came to its end.
    """
    runs = 0
    complete = False

    def plan() -> Plan:
        nonlocal runs, complete
        while runs < max_runs:
            scheduler = search.next_scheduler()
            if scheduler is None:
                complete = True
                return
            end = yield job.under(scheduler)
            runs += 1
            if search.finished(end.schedule, end.trace_steps) and on_end(end):
                return

    run_plan(plan())
    return Series(runs, complete)


def run_once(job: Job) -> End:
    """Run one job and return how it ended."""
    ends: list[End] = []
    run_all([job], ends.append)
    return ends[0]
