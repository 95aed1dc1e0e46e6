"""The nearest passing run, and runs whose tasks' steps stand together."""

from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest

from sim.exploration.inquiry import Inquiry
from sim.exploration.nearest import group_steps, nearest_passing
from sim.kernel.series import run_search
from sim.model.record import CLOCK, LOOP, End
from sim.model.scenario import Scenario
from sim.runs.play import play
from sim.runs.subject import Record
from sim.schedulers.exhaustive import Exhaustive
from sim.schedulers.fifo import Fifo
from sim.schedulers.past import class_of
from sim.schedulers.replay import Replay
from sim.schedulers.uniform import Uniform
from tests.helpers.running import job_for, record_of, run_once
from tests.helpers.scenes import BLIND, CLOSE, scene

CASES: dict[str, tuple[Scenario, Any]] = {
    "close": (scene(CLOSE), "fixed"),
    "hop": (scene(CLOSE, guard="both-states", hop=True), "fixed"),
    "trio": (scene(CLOSE, runtime="trio"), "fixed"),
    "blind, untimed": (scene(BLIND), "all"),
    "asyncio blind, untimed": (scene(BLIND, runtime="asyncio-3.11"), "all"),
}


def runs(name: str) -> tuple[Inquiry, list[Record]]:
    scenario, times = CASES[name]
    asked = Inquiry(times=times)
    return asked, [play(scenario, Uniform(n), untimed=asked.untimed) for n in range(30)]


@pytest.mark.parametrize("name", CASES)
def test_the_passing_run_agrees_up_to_the_choice_and_differs_there(name: str) -> None:
    asked, drawn = runs(name)
    bad = [one for one in drawn if asked.fails(one.outcome)]
    assert bad
    for failing in bad[:8]:
        parting = nearest_passing(failing, asked)
        assert parting is not None
        assert not asked.fails(parting.passing.outcome)
        at, good = parting.index, parting.passing.schedule
        assert good[:at] == failing.schedule[:at]
        assert good[at].question == failing.schedule[at].question
        assert good[at].picked != failing.schedule[at].picked
        assert parting.passed == good[at].option
        assert parting.failed == failing.schedule[at].option
        replay = Replay(good)
        again = play(failing.scenario, replay, untimed=asked.untimed)
        replay.close()
        assert again.digest == parting.passing.digest


def test_no_passing_run_agrees_for_longer() -> None:
    scenario, asked = scene(CLOSE), Inquiry()
    ends: list[End] = []
    run_search(job_for(scenario, Fifo()), Exhaustive(), ends.append)
    every = [record_of(scenario, end) for end in ends]
    good = [one for one in every if not asked.fails(one.outcome)]
    bad = [one for one in every if asked.fails(one.outcome)]
    assert good
    assert bad
    for failing in bad:
        parting = nearest_passing(failing, asked)
        assert parting is not None
        agreed = [
            next(
                i
                for i, pair in enumerate(zip(one.schedule, failing.schedule, strict=False))
                if pair[0] != pair[1]
            )
            for one in good
        ]
        assert parting.index == max(agreed)


def test_where_every_run_fails_there_is_none() -> None:
    scenario = scene(CLOSE, runtime="asyncio-3.11")
    failing = play(scenario)
    assert failing.outcome.failed
    assert nearest_passing(failing, Inquiry()) is None


def switches(end: End) -> int:
    tasks = [step.task for step in end.trace_steps if step.task not in (CLOCK, LOOP)]
    return sum(one != other for one, other in pairwise(tasks))


def stepped(found: Record, untimed: bool) -> End:
    job = replace(job_for(found.scenario, Fifo(), untimed=untimed), steps=True)
    return run_once(job.program, Replay(found.schedule), job)


@pytest.mark.parametrize("name", CASES)
def test_put_together_it_is_the_same_class_with_no_more_switches(name: str) -> None:
    asked, drawn = runs(name)
    gained = 0
    for found in drawn:
        moved = group_steps(found)
        before, after = (stepped(one, asked.untimed) for one in (found, moved))
        assert class_of(before.trace_steps, before.schedule) == class_of(
            after.trace_steps, after.schedule
        )
        assert moved.outcome == found.outcome
        assert switches(after) <= switches(before)
        gained += switches(after) < switches(before)
    assert gained or "trio" in name or "asyncio" in name
