"""Joins the parts: programs and schedulers in, ends out; and the check that a run repeats."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import zip_longest

from sim.errors import Nondeterminism
from sim.kernel.session import Plan, Session
from sim.kernel.world import Job, Program
from sim.model.record import End, Event
from sim.model.schedule import Scheduler, Search
from sim.schedulers.fifo import Fifo
from sim.schedulers.replay import Replay

OnEnd = Callable[[End], bool | None]
"""Called with each end; returning True stops the series."""


@dataclass(frozen=True, slots=True)
class Series:
    """How a series of runs went. complete: the search had nothing left to try."""

    runs: int
    complete: bool


def run_all(jobs: Iterable[Job], on_end: OnEnd) -> Series:
    """Run `jobs` one after the other inside one `trio.run`."""
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

    Session().run(plan())
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
            end = yield replace(job, scheduler=scheduler)
            runs += 1
            if search.finished(end.schedule, end.trace_steps) and on_end(end):
                return

    Session().run(plan())
    return Series(runs, complete)


def run_once(program: Program, scheduler: Scheduler | None = None, job: Job | None = None) -> End:
    """Run `program` once, in its natural order unless `scheduler` says otherwise.

    job: a template for order, limits and recording.
    """
    chosen = scheduler or Fifo()
    ends: list[End] = []
    single = replace(job, program=program, scheduler=chosen) if job else Job(program, chosen)
    run_all([single], ends.append)
    return ends[0]


def check_deterministic(job: Job) -> End:
    """Run `job`, then replay its schedule, and stop at the first difference.

    Returns the end of the first run. Raises Nondeterminism naming the first event that differs, or
    Divergence when the replay meets another choice.
    """
    first = run_once(job.program, job.scheduler, job)
    replay = Replay(first.schedule)
    second = run_once(job.program, replay, job)
    if second.error is not None and first.ending is not second.ending:
        raise Nondeterminism(
            f"the first run ended {first.ending}, its replay {second.ending}: {second.error}"
        ) from second.error
    replay.close()
    compare(first.events, second.events)
    if (first.ending, repr(first.result)) != (second.ending, repr(second.result)):
        raise Nondeterminism(
            f"the first run ended {first.ending} with {first.result!r}, "
            f"its replay {second.ending} with {second.result!r}"
        )
    return first


def compare(first: Sequence[Event], second: Sequence[Event]) -> None:
    """Raise Nondeterminism naming the first event in which two traces differ."""
    for index, (one, other) in enumerate(zip_longest(first, second)):
        if one != other:
            raise Nondeterminism(
                f"event {index} differs: the first run has {_show(one)}, "
                f"the second {_show(other)}; "
                "look for a clock, chance, an address or hash order in a decision"
            )


def _show(event: Event | None) -> str:
    if event is None:
        return "no more events"
    values = ", ".join(f"{key}={value!r}" for key, value in event.values.items())
    return f"{event.kind}({values}) by {event.task!r} at tick {event.tick}"
