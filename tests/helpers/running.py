"""Runs of bare programs, and the check that a run repeats."""

import json
from collections.abc import Sequence
from dataclasses import replace
from itertools import zip_longest
from typing import cast

import trio

from sim.errors import Nondeterminism
from sim.kernel import series
from sim.kernel.world import Job, Program
from sim.model.record import End, Event
from sim.model.scenario import Scenario
from sim.model.schedule import Scheduler
from sim.runs.scenario import ScenarioSubject
from sim.runs.stage import Fidelity
from sim.runs.subject import Record, record
from sim.schedulers.fifo import Fifo
from sim.schedulers.replay import Replay
from sim.sut.guards import Guard

NOBODY = cast(trio.lowlevel.Task, None)
"""Stands for a task where only what is known of it is looked at."""


def run_once(program: Program, scheduler: Scheduler | None = None, job: Job | None = None) -> End:
    """Run `program` once, in its natural order unless `scheduler` says otherwise.

    job: a template for order, limits and recording.
    """
    chosen = scheduler or Fifo()
    single = replace(job, program=program, scheduler=chosen) if job else Job(program, chosen)
    return series.run_once(single)


def job_for(
    scenario: Scenario,
    scheduler: Scheduler,
    fidelity: Fidelity = Fidelity.ASGI,
    guard: Guard | None = None,
    untimed: bool = False,
) -> Job:
    """Return the world of a scenario whose times are settled."""
    job = ScenarioSubject(scenario, fidelity, guard, untimed).job(scheduler)
    assert isinstance(job, Job)
    return job


def record_of(scenario: Scenario, end: End) -> Record:
    """Return what came of a run of a scenario."""
    return record(ScenarioSubject(scenario), end)


def read_trace(text: str) -> tuple[Event, ...]:
    """Return the events whose canonical lines these are."""
    return tuple(Event(*json.loads(line)) for line in text.splitlines())


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
