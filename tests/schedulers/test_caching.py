"""Happens-before caching, deepening over virtual time, and worlds that stand alike."""

from dataclasses import replace

import pytest
import trio
from hypothesis import HealthCheck, assume, given, settings

from sim.errors import Divergence
from sim.kernel.order import Order
from sim.kernel.series import run_plan
from sim.kernel.world import Job, Program, World
from sim.model.engine import Plan
from sim.model.record import End, Ending
from sim.schedulers.caching import Caching
from sim.schedulers.exhaustive import Exhaustive
from sim.schedulers.past import Names, Past, class_of
from tests.helpers.programs import TASKS, Task, program
from tests.schedulers.test_dpor import FULL, job, searched

FEW = [HealthCheck.filter_too_much]


def deepened(made: Job, search: Caching, step: int) -> tuple[set[int], set[object], int]:
    """Search up to one tick after the other. Return classes, outcomes and the number of runs."""
    classes: set[int] = set()
    outcomes: set[object] = set()
    runs = 0

    def plan() -> Plan:
        nonlocal runs
        horizon = 0
        while True:
            scheduler = search.next_scheduler()
            if scheduler is None:
                if search.due is None:
                    return
                horizon = max(search.due, horizon + step)
                search.resume(horizon)
                continue
            end = yield made.before(horizon).under(scheduler)
            runs += 1
            if end.ending is Ending.POSTPONED:
                search.postpone(end)
            elif search.finished(end.schedule, end.trace_steps):
                classes.add(class_of(end.trace_steps, end.schedule))
                outcomes.add(outcome(end))

    run_plan(plan())
    return classes, outcomes, runs


def outcome(end: End) -> object:
    return end.ending, repr(end.result), tuple(sorted(str(end.error).splitlines()))


@pytest.mark.parametrize("order", [Order.FIFO, Order.BATCH])
@pytest.mark.parametrize("untimed", [False, True])
@given(tasks=TASKS)
@settings(deadline=None, max_examples=30, suppress_health_check=FEW)
def test_deepening_finds_the_classes_of_the_full_search(
    order: Order, untimed: bool, tasks: tuple[Task, ...]
) -> None:
    made = job(program(tasks), order, untimed)
    series, classes, outcomes = searched(made, Exhaustive(), FULL)
    assume(series.complete)
    for step in (0, 2):
        assert deepened(made, Caching(), step)[:2] == (set(classes), outcomes)


@pytest.mark.parametrize("order", [Order.FIFO, Order.BATCH])
@pytest.mark.parametrize("untimed", [False, True])
@given(tasks=TASKS)
@settings(deadline=None, max_examples=40, suppress_health_check=FEW)
def test_worlds_that_stand_alike_have_the_outcomes_of_the_full_search(
    order: Order, untimed: bool, tasks: tuple[Task, ...]
) -> None:
    """What a run returns is made of what its tasks have seen, which is part of the state."""
    made = job(program(tasks), order, untimed)
    series, classes, outcomes = searched(made, Exhaustive(), FULL)
    assume(series.complete)
    told = replace(made, standing=lambda trace: ())
    for step in (0, 100):
        found, seen, _ = deepened(told, Caching(states=True), step)
        assert seen == outcomes
        assert found <= set(classes)


def polling(rounds: int) -> Program:
    """Poll with a pause between; somebody from outside writes once, at any time."""

    async def run(world: World) -> bool:
        written = False

        async def writes() -> None:
            nonlocal written
            await world.sleep_until(1)  # whenever
            world.write("x")
            written = True

        async def polls() -> None:
            for _ in range(rounds):
                world.read("x")
                await world.sleep_until(world.tick + 10)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(polls, name="polls")
            with world.outside():
                nursery.start_soon(writes, name="writes")
        return written

    return run


def test_a_wait_that_changes_nothing_costs_no_more_classes() -> None:
    """By their histories there are as many classes as rounds; two states go through all."""

    def forever(rounds: int) -> Job:
        made = job(polling(rounds), Order.FIFO, untimed=True)
        limits = replace(made.limits, ticks=10_000)
        return replace(made, limits=limits, standing=lambda trace: ())

    runs = [deepened(forever(rounds), Caching(states=True), 0)[2] for rounds in (10, 20, 40)]
    assert runs[1] - runs[0] <= 2 * (runs[2] - runs[1]) <= 4 * (runs[1] - runs[0])
    every = [len(deepened(forever(rounds), Caching(), 0)[0]) for rounds in (10, 20)]
    few = [len(deepened(forever(rounds), Caching(states=True), 0)[0]) for rounds in (10, 20)]
    assert few[0] < every[0] < every[1]
    assert few[1] < every[1]


def test_a_postponed_run_says_where_time_would_have_moved() -> None:
    made = job(polling(3), Order.FIFO)
    search = Caching()
    ends: list[End] = []

    def plan() -> Plan:
        scheduler = search.next_scheduler()
        assert scheduler is not None
        ends.append((yield made.before(5).under(scheduler)))

    run_plan(plan())
    assert [(end.ending, end.due) for end in ends] == [(Ending.POSTPONED, 10)]
    assert not ends[0].ending.judged
    search.postpone(ends[0])
    assert search.due == 10


def test_a_run_that_stops_short_of_its_path_is_a_divergence() -> None:
    runs = 0

    async def run(world: World) -> None:
        nonlocal runs
        runs += 1
        async with trio.open_nursery() as nursery:
            with world.outside():
                for number in range(3 - runs):
                    nursery.start_soon(trio.lowlevel.checkpoint, name=f"{number}")

    async def program(world: World) -> None:
        await run(world)

    with pytest.raises(Divergence):
        searched(job(program, Order.FIFO), Caching())


def test_the_past_does_not_depend_on_the_order_of_independent_steps() -> None:
    names = Names()
    one, other = Past(names), Past()
    for past, order in ((one, "ab"), (other, "ba")):
        for asker in order:
            past.draw(asker, 1)
    assert one.total == other.total
    copied = one.copy()
    copied.draw("a", 0)
    assert copied.total != one.total == other.total
