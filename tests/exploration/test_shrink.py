"""Shrinking: the least, by brute force; and what is kept still fails in the same way."""

from typing import Any

import pytest

from sim.exploration.inquiry import Inquiry
from sim.exploration.shrink import Shrinker, Shrunk, deviations, kinds
from sim.kernel.series import run_search
from sim.model.record import End
from sim.model.scenario import Scenario
from sim.runs.play import play
from sim.runs.smaller import smaller_scenarios
from sim.runs.subject import Record
from sim.schedulers.bounded import deviation
from sim.schedulers.exhaustive import Exhaustive
from sim.schedulers.fifo import Fifo
from sim.schedulers.replay import Lenient, Replay
from sim.schedulers.uniform import Uniform
from tests.helpers.running import job_for, record_of
from tests.helpers.scenes import BLIND, CLOSE, failure_of, scene

CASES: dict[str, tuple[Scenario, Any]] = {
    "close": (scene(CLOSE), "fixed"),
    "hop": (scene(CLOSE, guard="both-states", hop=True), "fixed"),
    "trio": (scene(CLOSE, runtime="trio"), "fixed"),
    "asyncio": (scene(CLOSE, runtime="asyncio-3.11"), "fixed"),
    "blind": (scene(BLIND), "fixed"),
    "blind, untimed": (scene(BLIND), "all"),
    "asyncio blind, untimed": (scene(BLIND, runtime="asyncio-3.11"), "all"),
}


def failing(scenario: Scenario, asked: Inquiry, search: Exhaustive) -> list[Record]:
    """Return the failing runs of a search of a scenario."""
    found: list[Record] = []

    def on_end(end: End) -> None:
        found.append(record_of(scenario, end))

    job = job_for(scenario, Fifo(), untimed=asked.untimed)
    assert run_search(job, search, on_end).complete
    return [one for one in found if asked.fails(one.outcome)]


def worst(scenario: Scenario, asked: Inquiry) -> Record:
    """Return a failure with many deviations, so that there is something to shrink."""
    drawn = (play(scenario, Uniform(seed), untimed=asked.untimed) for seed in range(60))
    bad = [one for one in drawn if asked.fails(one.outcome)]
    return max(bad, key=lambda one: deviations(one.schedule))


def shrunk(name: str) -> tuple[Inquiry, Record, Shrunk]:
    scenario, times = CASES[name]
    asked = Inquiry(times=times)
    failure = worst(scenario, asked)
    return asked, failure, Shrinker(asked, failure).shrink()


@pytest.mark.parametrize("name", CASES)
def test_the_fewest_deviations_are_those_of_the_full_search(name: str) -> None:
    asked, failure, small = shrunk(name)
    assert small.least
    every = failing(small.record.scenario, asked, Exhaustive())
    same = [one for one in every if kinds(one) == kinds(failure)]
    assert deviations(small.record.schedule) == min(deviations(one.schedule) for one in same)
    assert deviations(small.record.schedule) <= deviations(failure.schedule)
    least = [one for one in same if deviations(one.schedule) == deviations(small.record.schedule)]
    assert small.record.end.steps == min(one.end.steps for one in least)


@pytest.mark.parametrize("name", CASES)
def test_it_still_fails_in_the_same_way_and_replays_to_the_same_trace(name: str) -> None:
    asked, failure, small = shrunk(name)
    assert asked.fails(small.record.outcome)
    assert kinds(small.record) == kinds(failure)
    replay = Replay(small.record.schedule)
    again = play(small.record.scenario, replay, untimed=asked.untimed)
    replay.close()
    assert again.digest == small.record.digest
    assert again.schedule == small.record.schedule


@pytest.mark.parametrize("name", CASES)
def test_nosmaller_scenarios_scenario_fails_in_the_same_way_with_as_few_deviations(
    name: str,
) -> None:
    asked, failure, small = shrunk(name)
    budget = deviations(small.record.schedule)
    for smaller in smaller_scenarios(small.record.scenario):
        found = failing(smaller, asked, Exhaustive(deviation, budget))
        assert not [one for one in found if kinds(one) == kinds(failure)], smaller


def test_what_a_failure_does_not_need_is_gone() -> None:
    big = scene(
        CLOSE,
        clients={"count": 2, "messages": 2, "pause_ms": 73, "delay_ms": 3, "end": "silent"},
        window_hops=4,
        pauses={"accepted": 2},
        injections=[
            {"do": "server-close", "at": "validated", "delay_ms": 0},
            {"do": "state-change", "at": "top", "nth": 2, "to": ["processing"], "client": 2},
        ],
    )
    asked = Inquiry("uniform", max_schedules=40)
    _, failure = failure_of(big, asked)
    small = Shrinker(asked, failure).shrink().record.scenario
    assert small.clients.count == 1
    assert small.clients.messages == 0
    assert small.clients.pause_ms == small.clients.delay_ms == 0
    assert len(small.injections) == 1
    assert small.pauses == {}
    assert small.window_hops < 4


def test_without_a_proof_each_deviation_that_is_not_needed_is_taken_back() -> None:
    scenario, asked = scene(CLOSE, guard="both-states", hop=True), Inquiry()
    failure = worst(scenario, asked)
    small = Shrinker(asked, failure, runs=1).shrink()
    assert not small.least
    assert kinds(small.record) == kinds(failure)
    assert deviations(small.record.schedule) < deviations(failure.schedule)
    picks = [choice.picked for choice in small.record.schedule]
    for index, choice in enumerate(small.record.schedule):
        if choice.deviates:
            fewer = [*picks[:index], choice.question.default, *picks[index + 1 :]]
            found = play(scenario, Lenient(fewer))
            assert kinds(found) != kinds(failure) or (
                deviations(found.schedule) >= deviations(small.record.schedule)
            )
