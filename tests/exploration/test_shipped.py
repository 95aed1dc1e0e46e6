"""On shipped scenarios, at one drawing of their times: DPOR against the full search; the audit."""

from collections import Counter
from dataclasses import replace

import pytest

from sim.exploration.audit import audit
from sim.exploration.inquiry import Inquiry
from sim.files.catalog import names, open_scenario
from sim.files.recorded import Times
from sim.kernel.series import run_search
from sim.kernel.world import Job
from sim.model.names import RuntimeName
from sim.model.record import End
from sim.model.scenario import Batch, Scenario
from sim.model.schedule import Search
from sim.schedulers.exhaustive import Exhaustive
from sim.schedulers.fifo import Fifo
from sim.schedulers.past import class_of
from tests.helpers.running import job_for, record_of

SMALL, LARGE = 300, 6_000
"""Scenarios with more schedules than that are left to the audit; the larger one is slow."""
RUNTIMES: tuple[RuntimeName, ...] = ("asyncio-3.11", "trio", "any-order")


def shipped() -> list[Scenario]:
    found = [open_scenario(name) for name in names()]
    return [one for one in found if not isinstance(one, Batch)]


def settled(scenario: Scenario, runtime: RuntimeName) -> Scenario:
    clients = scenario.clients.model_copy(update={"count": min(scenario.clients.count, 2)})
    update = {"runtime": runtime, "clients": clients, "end_ms": 2000}
    return scenario.resolve(0, "shipped").model_copy(update=update)


def searched(
    job: Job, search: Search, scenario: Scenario, most: int = SMALL
) -> tuple[bool, Counter[object], set[str]]:
    classes: Counter[object] = Counter()
    outcomes: set[str] = set()

    def on_end(end: End) -> None:
        classes[class_of(end.trace_steps, end.schedule)] += 1
        outcomes.add(record_of(scenario, end).outcome.label)

    return run_search(job, search, on_end, most).complete, classes, outcomes


@pytest.mark.parametrize("runtime", RUNTIMES)
@pytest.mark.parametrize("base", shipped(), ids=lambda one: one.title)
def test_a_small_shipped_scenario_has_the_classes_and_outcomes_of_the_full_search(
    base: Scenario, runtime: RuntimeName
) -> None:
    compare_with_full(settled(base, runtime), False, SMALL)


@pytest.mark.slow
@pytest.mark.parametrize("untimed", [False, True])
@pytest.mark.parametrize("runtime", RUNTIMES)
@pytest.mark.parametrize("base", shipped(), ids=lambda one: one.title)
def test_every_shipped_scenario_that_can_be_searched_in_full_has_its_classes_and_outcomes(
    base: Scenario, runtime: RuntimeName, untimed: bool
) -> None:
    compare_with_full(settled(base, runtime), untimed, LARGE)


def compare_with_full(scenario: Scenario, untimed: bool, most: int) -> None:
    """Hold the search, and the one with equal states, against all schedules, if they are few."""
    job = replace(job_for(scenario, Fifo(), untimed=untimed), steps=True)
    complete, classes, outcomes = searched(job, Exhaustive(), scenario, most)
    if not complete:
        pytest.skip(f"more than {most} schedules; the audit looks at it")
    times: Times = "all" if untimed else "fixed"
    search = Inquiry(times=times).search(0, job.in_batches)
    reduced, found, seen = searched(job, search, scenario, most)
    assert reduced
    assert set(found) == set(classes)
    assert untimed or set(found.values()) == {1}
    assert seen == outcomes
    alike = Inquiry(times=times, count=False).search(0, job.in_batches)  # what stands alike is one
    reduced, fewer, seen = searched(job, alike, scenario, most)
    assert reduced
    assert set(fewer) <= set(classes)
    assert seen == outcomes


@pytest.mark.parametrize("untimed", [False, True])
@pytest.mark.parametrize("runtime", RUNTIMES)
@pytest.mark.parametrize("base", shipped(), ids=lambda one: one.title)
def test_swapping_independent_steps_of_a_shipped_scenario_changes_nothing(
    base: Scenario, runtime: RuntimeName, untimed: bool
) -> None:
    scenario = settled(base, runtime)
    job = job_for(scenario, Fifo(), untimed=untimed)
    found = audit(job, lambda end: record_of(scenario, end).outcome.label, runs=15, untimed=untimed)
    assert not found.differences, found.differences[0].words()
