"""Timers of a world: cheap wake-ups beside Trio's deadlines, on one clock."""

from collections.abc import Callable, Sequence

import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st

from sim.errors import LimitReached
from sim.kernel.waiters import Waiters
from sim.kernel.world import Job, Program, World
from sim.model.record import CLOCK, End, Ending, Limits
from sim.model.schedule import Kind
from sim.model.ticks import PER_SECOND, seconds
from sim.schedulers.fifo import Fifo
from sim.schedulers.replay import Follow
from sim.schedulers.uniform import Uniform
from tests.helpers.running import check_deterministic, run_once

Nap = Callable[[World, int], object]


async def deadline(world: World, tick: int) -> None:
    await trio.sleep_until(seconds(tick))


async def timer(world: World, tick: int) -> None:
    await world.sleep_until(tick)


async def relative(world: World, tick: int) -> None:
    await trio.sleep(seconds(tick - world.tick))


def wakes(*naps: tuple[Callable[..., object], int]) -> End:
    """Run one task for each (how, until) and return the end; the result is who woke when."""

    async def program(world: World) -> list[tuple[int, int]]:
        log: list[tuple[int, int]] = []

        async def sleeper(number: int, how: Callable[..., object], tick: int) -> None:
            await how(world, tick)  # type: ignore[misc]
            log.append((number, world.tick))

        async with trio.open_nursery() as nursery:
            for number, (how, tick) in enumerate(naps):
                nursery.start_soon(sleeper, number, how, tick, name=f"n{number}")
        return log

    end = run_once(program)
    assert end.error is None
    return end


def limited(program: Program, ticks: int) -> End:
    return run_once(program, job=Job(program, Fifo(), limits=Limits(ticks=ticks)))


def test_a_timer_wakes_all_who_wait_in_waiting_order_at_its_tick() -> None:
    async def program(world: World) -> list[tuple[str, int]]:
        waiters, log = Waiters(), []

        async def wait(name: str) -> None:
            await waiters.park()
            log.append((name, world.tick))

        async with trio.open_nursery() as nursery:
            for name in "abc":
                nursery.start_soon(wait, name, name=name)
            world.wake_at(77, waiters)
        return log

    assert run_once(program).result == [("a", 77), ("b", 77), ("c", 77)]


def test_a_timer_without_waiters_passes_without_harm() -> None:
    async def program(world: World) -> int:
        world.wake_at(10, Waiters())
        await world.sleep_until(20)
        return world.tick

    assert run_once(program).result == 20


@pytest.mark.parametrize(("until", "expected"), [(0, 5), (5, 5), (6, 6), (1 << 40, 1 << 40)])
def test_sleep_until_comes_back_at_its_tick_or_at_once_if_that_is_past(
    until: int, expected: int
) -> None:
    async def program(world: World) -> int:
        await world.sleep_until(5)
        await world.sleep_until(until)
        return world.tick

    assert limited(program, 1 << 41).result == expected


def test_sleeping_until_now_gives_the_others_exactly_one_turn() -> None:
    async def program(world: World) -> str:
        log: list[str] = []

        async def turns(name: str) -> None:
            for _ in range(2):
                log.append(name)
                await world.sleep_until(0)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(turns, "a", name="a")
            nursery.start_soon(turns, "b", name="b")
        return "".join(log)

    end = run_once(program)
    assert end.result == "abab"
    assert end.tick == 0


def test_a_sleep_until_now_notices_a_cancellation() -> None:
    async def program(world: World) -> bool:
        with trio.CancelScope() as scope:
            scope.cancel()
            await world.sleep_until(0)
        return scope.cancelled_caught

    assert run_once(program).result is True


def test_a_cancelled_sleeper_leaves_at_the_tick_of_its_cancellation() -> None:
    async def program(world: World) -> list[object]:
        with trio.move_on_at(seconds(30)) as scope:
            await world.sleep_until(100)
        left = world.tick
        await world.sleep_until(200)  # the old timer comes due meanwhile and wakes nobody
        return [scope.cancelled_caught, left, world.tick]

    assert run_once(program).result == [True, 30, 200]


def test_a_timer_that_is_not_wanted_neither_wakes_nor_moves_time() -> None:
    async def program(world: World) -> None:
        waiters = Waiters()
        world.wake_at(50, waiters).waiters = None
        world.wake_at(60, waiters).waiters = None
        await waiters.park()

    end = run_once(program)
    assert end.ending is Ending.DEADLOCK
    assert end.tick == 0


def test_a_timer_that_is_not_wanted_is_skipped_between_two_that_are() -> None:
    async def program(world: World) -> list[int]:
        waiters, seen = Waiters(), []
        timers = [world.wake_at(tick, waiters) for tick in (10, 20, 30)]
        timers[1].waiters = None
        for _ in range(2):
            await waiters.park()
            seen.append(world.tick)
        return seen

    assert run_once(program).result == [10, 30]


def test_a_timer_may_be_given_up_by_one_that_fires_at_the_same_tick() -> None:
    async def program(world: World) -> int:
        first, second = Waiters(), Waiters()
        world.wake_at(10, first)
        other = world.wake_at(11, second)
        await first.park()
        other.waiters = None
        world.wake_at(40, second)
        await second.park()
        return world.tick

    assert run_once(program).result == 40


def test_timers_of_one_tick_fire_in_the_order_in_which_they_were_made() -> None:
    assert wakes(*[(timer, 9)] * 6).result == [(number, 9) for number in range(6)]


def test_timers_fire_by_tick_whatever_the_order_of_making() -> None:
    end = wakes((timer, 30), (timer, 10), (timer, 20))
    assert end.result == [(1, 10), (2, 20), (0, 30)]


def test_the_clock_goes_to_the_nearest_of_timers_and_deadlines() -> None:
    naps = [(timer, 40), (deadline, 10), (deadline, 50), (timer, 20), (deadline, 30)]
    assert wakes(*naps).result == [(1, 10), (3, 20), (4, 30), (0, 40), (2, 50)]


def test_at_one_tick_timers_and_deadlines_both_come_due_before_time_moves_on() -> None:
    result = wakes((deadline, 10), (timer, 10), (deadline, 11), (timer, 11)).result
    assert isinstance(result, list)
    assert sorted(result) == [(0, 10), (1, 10), (2, 11), (3, 11)]
    assert [tick for _, tick in result] == [10, 10, 11, 11]


NAPS = st.lists(
    st.tuples(st.sampled_from([deadline, timer, relative]), st.integers(0, 40)), max_size=8
)


@given(NAPS)
def test_every_sleeper_wakes_exactly_at_its_tick(naps: list[tuple[Nap, int]]) -> None:
    result = wakes(*naps).result
    assert isinstance(result, list)
    assert sorted(result) == [(number, tick) for number, (_, tick) in enumerate(naps)]
    assert [tick for _, tick in result] == sorted(tick for _, tick in naps)


@given(st.lists(st.lists(st.integers(0, 20), max_size=4), max_size=5), st.integers(0, 99))
def test_a_program_runs_alike_with_trios_sleep_and_with_the_worlds(
    plans: list[list[int]], seed: int
) -> None:
    def sleeping(how: Callable[..., object]) -> Program:
        async def program(world: World) -> None:
            async def work(plan: Sequence[int]) -> None:
                for delay in plan:
                    await how(world, world.tick + delay)  # type: ignore[misc]
                    world.event("woke", after=delay)

            async with trio.open_nursery() as nursery:
                for number, plan in enumerate(plans):
                    nursery.start_soon(work, plan, name=f"w{number}")

        return program

    ends = [run_once(sleeping(how), Uniform(seed)) for how in (relative, deadline, timer)]
    assert len({(end.events == ends[0].events, end.schedule, end.steps) for end in ends}) == 1
    assert sum(len(plan) for plan in plans) == len(ends[0].events)


def test_a_timer_beyond_the_time_limit_ends_the_world_where_it_stood() -> None:
    async def program(world: World) -> None:
        await world.sleep_until(90)
        await world.sleep_until(101)

    assert limited(program, 101).ending is Ending.COMPLETED
    end = limited(program, 100)
    assert end.ending is Ending.TIME_LIMIT
    assert isinstance(end.error, LimitReached)
    assert end.tick == 90


def test_a_world_that_is_over_fires_no_timers_in_its_clean_up() -> None:
    async def program(world: World) -> None:
        try:
            await world.sleep_until(500)
        finally:
            with trio.CancelScope(shield=True):
                await world.sleep_until(100)

    end = limited(program, 400)
    assert end.ending is Ending.TIME_LIMIT
    assert end.stuck
    assert end.tick == 0


def test_a_deadlock_after_a_cancelled_sleep_is_found_where_the_world_stood() -> None:
    def sleeping(how: Callable[..., object]) -> Program:
        async def program(world: World) -> None:
            with trio.move_on_at(seconds(10)):
                await how(world, 100)  # type: ignore[misc]
            await trio.sleep_forever()

        return program

    ends = [limited(sleeping(how), 50) for how in (deadline, timer)]
    assert [(end.ending, end.tick) for end in ends] == [(Ending.DEADLOCK, 10)] * 2


def test_timers_do_not_leak_into_the_next_world() -> None:
    async def leaves(world: World) -> None:
        world.wake_at(7 * PER_SECOND, Waiters())

    async def waits(world: World) -> None:
        await trio.sleep_forever()

    assert run_once(leaves).tick == 0
    end = run_once(waits)
    assert (end.ending, end.tick) == (Ending.DEADLOCK, 0)


@pytest.mark.parametrize("how", [(timer, deadline), (deadline, timer), (timer, timer)])
def test_a_late_process_may_find_the_nearest_timer_or_deadline_past(
    how: tuple[Callable[..., object], Callable[..., object]],
) -> None:
    async def program(world: World) -> list[tuple[str, int]]:
        log = []

        async def nap(name: str, wait: Callable[..., object], tick: int) -> None:
            await wait(world, tick)  # type: ignore[misc]
            log.append((name, world.tick))

        async with trio.open_nursery() as nursery:
            nursery.start_soon(nap, "near", how[0], 10)
            nursery.start_soon(nap, "far", how[1], 99)
            await trio.lowlevel.checkpoint()
            await trio.lowlevel.checkpoint()
            log.append(("busy", world.tick))
        return log

    job = Job(program, Fifo(), late=1)
    in_time = run_once(program, Fifo(), job)
    assert in_time.result == [("busy", 0), ("near", 10), ("far", 99)]
    asked = [
        (index, choice.question.options)
        for index, choice in enumerate(in_time.schedule)
        if choice.question.kind is Kind.CLOCK and choice.question.asker == CLOCK
    ]
    assert asked[0][1] == ("stay", "move to 10")
    assert asked[-1][1] == ("stay", "move to 99")
    late = run_once(program, Follow([0] * asked[0][0] + [1]), job)
    assert isinstance(late.result, list)
    assert ("busy", 10) in late.result
    assert [event.tick for event in late.events if event.kind == "late"] == [10]
    assert late.result[-1] == ("far", 99)


def test_a_late_process_is_not_offered_a_timer_that_is_not_wanted() -> None:
    async def program(world: World) -> None:
        world.wake_at(10, Waiters()).waiters = None
        await trio.lowlevel.checkpoint()

    assert run_once(program, job=Job(program, Fifo(), late=3)).schedule == ()


@given(NAPS, st.integers(0, 1 << 32), st.integers(0, 2))
def test_timers_and_deadlines_replay(naps: list[tuple[Nap, int]], seed: int, late: int) -> None:
    async def program(world: World) -> None:
        async def sleeper(how: Nap, tick: int) -> None:
            await how(world, max(tick, world.tick))  # type: ignore[misc]
            world.event("woke")

        async with trio.open_nursery() as nursery:
            for how, tick in naps:
                nursery.start_soon(sleeper, how, tick)

    end = check_deterministic(Job(program, Uniform(seed), late=late))
    assert sum(event.kind == "woke" for event in end.events) == len(naps)


def test_regression_a_timer_for_now_or_the_past_fires_when_nothing_else_can_run() -> None:
    """Nothing was runnable, the clock had nowhere to jump to, and no limit counted: it hung."""

    async def program(world: World) -> int:
        await world.sleep_until(9)
        for tick in (9, 3):
            waiters = Waiters()
            world.wake_at(tick, waiters)
            await waiters.park()
        return world.tick

    assert run_once(program).result == 9
