"""How much partial-order reduction saves: one schedule per class against all schedules.

python -m tests.benchmarks.reduction          prints both searches of `two-message-close`
"""

import sys
import time
from collections import Counter
from dataclasses import dataclass, replace

from sim.files.catalog import open_scenario
from sim.kernel.series import run_search
from sim.model.record import End
from sim.model.scenario import Scenario
from sim.model.schedule import Search
from sim.schedulers.dpor import Dpor
from sim.schedulers.exhaustive import Exhaustive
from sim.schedulers.fifo import Fifo
from sim.schedulers.past import class_of
from tests.helpers.running import job_for, record_of

MOST = 2_000_000


@dataclass(frozen=True)
class Searched:
    """What one search of the scenario came to. classes: how often each was met."""

    runs: int
    complete: bool
    seconds: float
    classes: Counter[object]
    outcomes: Counter[str]


def searched(search: Search, keep_classes: bool = True) -> Searched:
    """Search the shipped scenario; seconds are those of the search without keeping classes."""
    scenario = open_scenario("two-message-close")
    assert isinstance(scenario, Scenario)
    job = replace(job_for(scenario, Fifo()), steps=True)
    classes: Counter[object] = Counter()
    outcomes: Counter[str] = Counter()

    def on_end(end: End) -> None:
        if keep_classes:
            classes[hash(class_of(end.trace_steps, end.schedule))] += 1
        outcomes[record_of(scenario, end).outcome.label] += 1

    began = time.perf_counter()
    series = run_search(job, search, on_end, MOST)
    took = time.perf_counter() - began
    return Searched(series.runs, series.complete, took, classes, outcomes)


def main() -> None:
    """Print both searches."""
    reduced = searched(Dpor(), keep_classes=False)
    print(f"dpor  {reduced.runs:9,} schedules in {reduced.seconds:7.1f} s {dict(reduced.outcomes)}")
    full = searched(Exhaustive(), keep_classes="--classes" in sys.argv)
    print(f"full  {full.runs:9,} schedules in {full.seconds:7.1f} s {dict(full.outcomes)}")
    print(f"{full.runs / reduced.runs:.0f} x fewer, {full.seconds / reduced.seconds:.0f} x faster")


if __name__ == "__main__":
    main()
