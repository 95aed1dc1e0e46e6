"""What a world notes of the times that it compares, and that it is the same world."""

from dataclasses import replace

import pytest
import trio
import trio.lowlevel

from sim.errors import RefusedOperation
from sim.files.catalog import names, open_scenario
from sim.kernel.order import Order
from sim.kernel.series import run_once
from sim.kernel.trace import digest
from sim.kernel.waiters import Waiters
from sim.kernel.world import Job, World
from sim.model.record import END, End, Ending, Limits, Look
from sim.model.scenario import Scenario
from sim.model.ticks import PER_SECOND
from sim.runs.scenario import ScenarioSubject
from sim.runtimes.port import ORDERS
from sim.schedulers.fifo import Fifo

LAST = 10 * PER_SECOND


def run(program: object, looks: bool = True) -> End:
    job = Job(program, Fifo(), order=Order.FIFO, limits=Limits(ticks=LAST), looks=looks)  # type: ignore[arg-type]
    return run_once(job)


def moves(end: End) -> list[Look]:
    return [look for look in end.looks if look.moved]


async def two_sleeps(world: World) -> None:
    async with trio.open_nursery() as nursery:
        nursery.start_soon(world.sleep_until, 5)
        nursery.start_soon(world.sleep_until, 9)


def test_each_move_of_the_clock_tells_all_that_it_chose_from() -> None:
    first, second = moves(run(two_sleeps))
    assert (first.tick, second.tick) == (5, 9)
    assert first.due == ((END, LAST + 1), (1, 5), (2, 9))
    assert second.due == ((END, LAST + 1), (2, 9))


def test_who_asks_whether_a_time_has_come_is_noted() -> None:
    asked = [look for look in run(two_sleeps).looks if not look.moved]
    assert asked == [Look(0, ((0, 5),), False), Look(0, ((0, 9),), False)]


def test_deadlines_of_trio_have_numbers_of_their_own_in_the_order_of_making() -> None:
    async def program(world: World) -> None:
        async def wait(seconds: float) -> None:
            with trio.move_on_after(seconds):
                await trio.sleep_forever()

        async with trio.open_nursery() as nursery:
            nursery.start_soon(wait, 3)
            nursery.start_soon(wait, 1)

    looks = moves(run(program))
    assert [look.tick for look in looks] == [PER_SECOND, 3 * PER_SECOND]
    (_, *one), (_, *other) = looks[0].due, looks[1].due
    assert sorted(tick for _, tick in one) == [PER_SECOND, 3 * PER_SECOND]
    assert all(number < 0 for number, _ in one)
    assert other == [pair for pair in one if pair[1] == 3 * PER_SECOND]
    assert run(program).looks == run(program).looks


def test_a_timer_that_nobody_wants_any_more_is_not_due() -> None:
    async def program(world: World) -> None:
        waiters = Waiters()
        world.drop(world.wake_at(3, waiters))
        await world.sleep_until(7)

    (look,) = moves(run(program))
    assert look.due == ((END, LAST + 1), (2, 7))


def test_the_end_of_a_run_is_a_time_like_others() -> None:
    async def program(world: World) -> None:
        await world.sleep_until(LAST + 5)

    end = run(program)
    assert end.ending is Ending.TIME_LIMIT
    (look,) = moves(end)
    assert look.due == ((END, LAST + 1), (1, LAST + 5))


def test_without_being_asked_nothing_is_noted() -> None:
    assert run(two_sleeps, looks=False).looks == ()


@pytest.mark.parametrize("name", [name for name in names() if name != "issue-1061"])
def test_noting_changes_nothing(name: str) -> None:
    scenario = open_scenario(name)
    assert isinstance(scenario, Scenario)
    settled = scenario.resolve("looks")
    for runtime in scenario.sweep.runtimes:
        if ORDERS[runtime] is Order.FIFO:
            one = settled.model_copy(update={"runtime": runtime})
            job = ScenarioSubject(one).prepare().job(one, Fifo())
            plain, noted = run_once(job), run_once(replace(job, looks=True))
            assert digest(noted.events) == digest(plain.events)
            assert (noted.steps, noted.tick) == (plain.steps, plain.tick)
            assert noted.looks


def test_code_that_reads_the_time_is_refused_only_while_looks_are_noted() -> None:
    async def reads(world: World) -> None:
        await trio.lowlevel.checkpoint()
        trio.current_time()

    end = run(reads)
    assert end.ending is Ending.REFUSED
    assert isinstance(end.error, RefusedOperation)
    assert "test_looks.py" in str(end.error)
    assert run(reads, looks=False).ending is Ending.COMPLETED


@pytest.mark.parametrize("how", [trio.move_on_after, trio.fail_after])
def test_setting_a_deadline_reads_no_time(how: object) -> None:
    async def sets(world: World) -> None:
        with how(1):  # type: ignore[operator]
            await trio.sleep(0.5)
        await trio.lowlevel.checkpoint()
        await trio.sleep(0.25)

    assert run(sets).ending is Ending.COMPLETED
