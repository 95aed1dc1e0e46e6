"""The kernel's promises: order, time, endings, and that nothing leaks from world to world."""

import gc
import socket
import subprocess
import sys
import threading
from typing import Any

import pytest
import trio
import trio.testing
from hypothesis import given
from hypothesis import strategies as st

from sim.errors import Deadlock, Divergence, LimitReached, Nondeterminism, RefusedOperation
from sim.kernel.order import Order
from sim.kernel.series import run_all
from sim.kernel.session import Session
from sim.kernel.world import Job, World
from sim.model.engine import Plan
from sim.model.record import Ending, Limits
from sim.model.schedule import Kind
from sim.model.ticks import PER_SECOND
from sim.schedulers.fifo import Fifo
from sim.schedulers.replay import Follow, Replay
from sim.schedulers.uniform import Uniform
from tests.helpers.running import check_deterministic, run_once


async def two_counters(world: World) -> str:
    log: list[str] = []

    async def count(name: str) -> None:
        for number in range(2):
            log.append(f"{name}{number}")
            world.event("count", name=name, number=number)
            await trio.lowlevel.checkpoint()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(count, "a", name="a")
        nursery.start_soon(count, "b", name="b")
    return " ".join(log)


def test_the_natural_order_is_first_in_first_out() -> None:
    assert run_once(two_counters).result == "a0 b0 a1 b1"


@pytest.mark.parametrize(("order", "choices"), [(Order.ANY, 5), (Order.BATCH, 3), (Order.FIFO, 0)])
def test_the_runtime_says_which_orders_are_open(order: Order, choices: int) -> None:
    end = run_once(two_counters, job=Job(two_counters, Fifo(), order=order))
    assert end.result == "a0 b0 a1 b1"
    assert len(end.schedule) == choices


@given(seed=st.integers(0, 1 << 64), order=st.sampled_from(Order))
def test_replaying_a_record_gives_the_same_trace(seed: int, order: Order) -> None:
    first = check_deterministic(Job(two_counters, Uniform(seed), order=order))
    assert first.ending is Ending.COMPLETED


@given(st.lists(st.integers(0, 1), max_size=8))
def test_any_list_of_picks_is_a_run_or_a_divergence(values: list[int]) -> None:
    end = run_once(two_counters, Follow(values))
    if end.ending is Ending.DIVERGED:
        assert isinstance(end.error, Divergence)
    else:
        assert end.ending is Ending.COMPLETED
        assert run_once(two_counters, Replay(end.schedule)).events == end.events


def test_tasks_are_named_by_spawn_path() -> None:
    async def program(world: World) -> None:
        async def leaf() -> None:
            world.event("here")

        async def branch() -> None:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(leaf)
                nursery.start_soon(leaf)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(branch, name="x.y.branch")
            nursery.start_soon(leaf)

    end = run_once(program)
    names = [event.task for event in end.events if event.kind == "here"]
    assert sorted(names) == ["branch/leaf", "branch/leaf#2", "leaf"]


def test_time_jumps_to_the_next_deadline_in_whole_ticks() -> None:
    async def program(world: World) -> list[int]:
        await trio.sleep(0.001)
        first = world.tick
        await trio.sleep(3600)
        return [first, world.tick - first]

    assert run_once(program).result == [1049, 3600 * PER_SECOND]


def test_idle_waiters_come_before_a_jump_and_before_a_deadlock() -> None:
    async def program(world: World) -> list[Any]:
        event = trio.Event()
        seen: list[Any] = []

        async def waiter() -> None:
            await event.wait()
            seen.append(world.tick)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(waiter)
            nursery.start_soon(trio.sleep, 5)
            await trio.testing.wait_all_tasks_blocked()
            seen.append("idle")
            event.set()
        await trio.testing.wait_all_tasks_blocked(0.001)
        return [*seen, world.tick]

    assert run_once(program).result == ["idle", 0, 5 * PER_SECOND]


def test_equal_deadlines_wake_in_the_order_in_which_the_sleepers_went_to_sleep() -> None:
    async def program(world: World) -> str:
        log: list[str] = []

        async def sleeper(name: str) -> None:
            await trio.sleep_until(1)
            log.append(name)

        async with trio.open_nursery() as nursery:
            for name in "abcdefgh":
                nursery.start_soon(sleeper, name, name=name)
        return "".join(log)

    for _ in range(20):
        assert run_once(program).result == "abcdefgh"


def test_regression_event_waiters_wake_in_waiting_order_not_by_address() -> None:
    """trio.Event keeps its waiters in a set; the search of the large race diverged over it."""

    async def program(world: World) -> str:
        event, log = trio.Event(), []

        async def waiter(name: str) -> None:
            await event.wait()
            log.append(name)

        async with trio.open_nursery() as nursery:
            for name in "abcdefgh":
                nursery.start_soon(waiter, name, name=name)
            await trio.testing.wait_all_tasks_blocked()
            event.set()
        return "".join(log)

    for _ in range(20):
        assert run_once(program).result == "abcdefgh"


def test_cancelled_tasks_wake_in_waiting_order() -> None:
    async def program(world: World) -> str:
        log = []

        async def waiter(name: str) -> None:
            try:
                await trio.sleep_forever()
            finally:
                log.append(name)

        async with trio.open_nursery() as nursery:
            for name in "abcdefgh":
                nursery.start_soon(waiter, name, name=name)
            await trio.testing.wait_all_tasks_blocked()
            nursery.cancel_scope.cancel()
        return "".join(log)

    for _ in range(20):
        assert run_once(program).result == "abcdefgh"


def test_a_deadlock_names_every_task_and_what_it_waits_for() -> None:
    async def program(world: World) -> None:
        lock = trio.Lock()
        await lock.acquire()

        async def second() -> None:
            await lock.acquire()

        await trio.sleep(1)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(second)

    end = run_once(program)
    assert end.ending is Ending.DEADLOCK
    assert isinstance(end.error, Deadlock)
    assert [row.task for row in end.waiting] == ["main", "second"]
    assert "second (" in end.waiting[1].what
    assert end.waiting[1].what.endswith(".acquire")
    assert str(end.error).startswith("deadlock at 1 s")


def test_a_step_limit_says_what_may_have_caused_it() -> None:
    async def program(world: World) -> None:
        while True:
            await trio.lowlevel.checkpoint()

    end = run_once(program, job=Job(program, Fifo(), limits=Limits(steps=50)))
    assert end.ending is Ending.STEP_LIMIT
    assert end.steps == 50
    assert isinstance(end.error, LimitReached)
    assert "loop without ever blocking" in str(end.error)


def test_a_time_limit_ends_a_world_that_polls_for_ever() -> None:
    async def program(world: World) -> None:
        while True:  # noqa: ASYNC110
            await trio.sleep(1)

    end = run_once(program, job=Job(program, Fifo(), limits=Limits(ticks=10 * PER_SECOND)))
    assert end.ending is Ending.TIME_LIMIT
    assert end.tick == 10 * PER_SECOND


@pytest.mark.parametrize("name", ["steps", "ticks", "grace"])
def test_limits_must_be_positive(name: str) -> None:
    with pytest.raises(ValueError, match=f"limit {name} must be at least 1"):
        Limits(**{name: 0})


def test_an_exception_stays_in_its_world() -> None:
    async def fails(world: World) -> None:
        raise ValueError("mine")

    ends: list[Any] = []
    run_all([Job(fails, Fifo()), Job(two_counters, Fifo())], ends.append)
    assert [end.ending for end in ends] == [Ending.FAILED, Ending.COMPLETED]
    assert repr(ends[0].error) == "ValueError('mine')"


async def shielded(world: World) -> None:
    with trio.CancelScope(shield=True):
        await trio.sleep_forever()


async def shielded_polling(world: World) -> None:
    with trio.CancelScope(shield=True):
        while True:  # noqa: ASYNC110
            await trio.sleep(1)


async def swallows_everything(world: World) -> None:
    with trio.CancelScope(shield=True):
        while True:
            try:
                await trio.sleep_forever()
            except BaseException:
                continue


@pytest.mark.parametrize("program", [shielded, shielded_polling, swallows_everything])
def test_a_world_that_cannot_be_ended_is_reported_and_the_next_runs(program: Any) -> None:
    ends: list[Any] = []
    tight = Limits(ticks=5 * PER_SECOND, grace=20)
    run_all([Job(program, Fifo(), limits=tight), Job(two_counters, Fifo())], ends.append)
    assert [end.stuck for end in ends] == [True, False]
    assert ends[1].result == "a0 b0 a1 b1"


def opens_a_socket() -> None:
    socket.socket()


def starts_a_thread() -> None:
    threading.Thread(target=print).start()


def starts_a_process() -> None:
    subprocess.run([sys.executable, "-c", ""], check=False)


def uses_the_token() -> None:
    trio.lowlevel.current_trio_token().run_sync_soon(print)


@pytest.mark.parametrize("act", [opens_a_socket, starts_a_thread, starts_a_process, uses_the_token])
def test_what_no_schedule_controls_is_refused_even_if_the_refusal_is_swallowed(act: Any) -> None:
    async def program(world: World) -> str:
        try:
            act()
        except RefusedOperation:
            return "swallowed"
        return "went through"

    end = run_once(program)
    assert end.ending is Ending.REFUSED
    assert isinstance(end.error, RefusedOperation)
    assert "'main'" in str(end.error)


def test_trios_threads_are_refused_even_if_a_worker_is_idle() -> None:
    async def warm_up() -> None:
        await trio.to_thread.run_sync(int)

    async def program(world: World) -> None:
        await trio.to_thread.run_sync(int)

    trio.run(warm_up)
    assert run_once(program).ending is Ending.REFUSED


def test_outside_a_world_everything_is_as_before() -> None:
    before = (trio.Event.set, trio.CancelScope.cancel, trio.to_thread.run_sync, gc.isenabled())
    run_once(two_counters)
    after = (trio.Event.set, trio.CancelScope.cancel, trio.to_thread.run_sync, gc.isenabled())
    assert after == before
    socket.socket().close()


def test_what_an_engine_raises_comes_out_and_leaves_no_trace() -> None:
    def plan() -> Plan:
        yield Job(two_counters, Fifo())
        raise KeyError("engine")

    with pytest.raises(KeyError, match="engine"):
        Session().run(plan())
    assert run_once(two_counters).ending is Ending.COMPLETED


def test_a_late_process_is_a_choice_of_the_clock() -> None:
    async def program(world: World) -> str:
        with trio.move_on_after(1):
            await trio.lowlevel.checkpoint()
            await trio.lowlevel.checkpoint()
            return "in time"
        return "timed out"

    results = set()
    for pick in (0, 1):
        end = run_once(program, Follow([pick]), Job(program, Fifo(), late=1))
        assert end.schedule[0].question.kind is Kind.CLOCK
        results.add(end.result)
    assert results == {"in time", "timed out"}


def test_the_determinism_check_stops_at_the_first_difference() -> None:
    runs = iter(range(2))

    async def program(world: World) -> None:
        world.event("same")
        world.event("differs", value=next(runs))
        world.event("later")

    with pytest.raises(Nondeterminism, match=r"event 1 differs.*value=0.*value=1"):
        check_deterministic(Job(program, Fifo()))


def test_the_outside_lands_only_between_two_iterations_of_the_loop() -> None:
    async def program(world: World) -> str:
        log: list[str] = []

        async def step(name: str) -> None:
            for _ in range(2):
                log.append(name)
                await trio.lowlevel.checkpoint()

        async with trio.open_nursery() as nursery:
            nursery.start_soon(step, "a", name="a")
            nursery.start_soon(step, "b", name="b")
            with world.outside():
                nursery.start_soon(step, "X", name="X")
        return "".join(log)

    seen = {
        run_once(program, Uniform(seed), Job(program, Fifo(), order=Order.FIFO)).result
        for seed in range(200)
    }
    assert seen == {"XXabab", "XabXab", "XababX", "abXXab", "abXabX", "ababXX"}
