"""Time to a verdict for shipped scenarios at their defaults: python -m tests.benchmarks.verdicts.

Processor time of one process, without the making small and the confirmation, and beside it the cost
of a bare `trio.run`, so that figures of different machines can be compared.
"""

import sys
import time

import trio

from sim.commands.explore import QUICK
from sim.exploration.inquiry import Inquiry
from sim.exploration.search import search_all
from sim.exploration.tally import SoFar
from sim.files.catalog import names, open_scenario
from sim.files.recorded import Times
from sim.model.scenario import Scenario
from sim.model.ticks import seconds
from sim.runs.scenario import ScenarioSubject
from sim.runs.subject import Subject
from sim.runs.times import usual_times


async def nothing() -> None:
    """The empty function of the reference."""


def bare_ms(runs: int = 500) -> float:
    """Return what a bare run costs, in milliseconds."""
    began = time.process_time()
    for _ in range(runs):
        trio.run(nothing)
    return (time.process_time() - began) / runs * 1e3


def measure(name: str) -> None:
    """Search one scenario under all of its guards, as the command does, and print a line each."""
    scenario = open_scenario(name)
    if not isinstance(scenario, Scenario):
        return
    subjects = [
        ScenarioSubject(scenario.model_copy(update={"guard": guard}))
        for guard in scenario.sweep.guards
    ]
    began = time.process_time()
    told: dict[str, dict[str, float]] = {}

    def on_run(subject: Subject, so_far: SoFar) -> None:
        seen = told.setdefault(subject.label, {})
        now = time.process_time() - began
        if so_far.failing:
            seen.setdefault("fails", now)
        if so_far.reached:
            seen.setdefault(f"{seconds(so_far.reached):.0f} s", now)

    times: Times = "all" if usual_times(scenario) == "all" else "fixed"
    inquiry = Inquiry(times=times, count=False, max_schedules=QUICK)
    found = search_all(subjects, inquiry, on_run)
    spent = time.process_time() - began
    print(f"{name}: {spent:.1f} s in all, bare trio.run {bare_ms():.3f} ms")
    for one in found:
        when = ", ".join(f"{what} {at:.2f}" for what, at in told.get(one.guard, {}).items())
        each = "-" if not one.looked else f"{one.schedules / one.looked:.1f}"
        print(
            f"  {one.guard:12} {one.verdict:24} {one.looked:6,} classes {one.schedules:6,} runs "
            f"({each} each)  at: {when or '-'}",
            flush=True,
        )


def main() -> None:
    """Measure what is named, or everything."""
    for name in sys.argv[1:] or names():
        measure(name)


if __name__ == "__main__":
    main()
