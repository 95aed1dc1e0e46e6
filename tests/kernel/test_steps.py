"""Recorded steps: what each says of the run, and that recording changes nothing."""

from dataclasses import replace

import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st

from sim.kernel.order import Order
from sim.kernel.world import Job, Program, World
from sim.model.record import CLOCK, TIME, Access, End, Step
from sim.model.schedule import Scheduler
from sim.model.ticks import PER_SECOND, seconds
from sim.schedulers.fifo import Fifo
from sim.schedulers.replay import Follow
from sim.schedulers.uniform import Uniform
from tests.helpers import races
from tests.helpers.running import run_once


def recorded(program: Program, scheduler: Scheduler | None = None) -> End:
    end = run_once(program, scheduler, Job(program, Fifo(), steps=True))
    assert end.error is None
    return end


def steps_of(program: Program) -> tuple[Step, ...]:
    return recorded(program).trace_steps


def told(step: Step) -> tuple[Access, ...]:
    """What the program itself said that it did."""
    return tuple(access for access in step.accesses if access.name != TIME)


def of(steps: tuple[Step, ...], task: str) -> list[Step]:
    return [step for step in steps if step.task == task]


def test_accesses_come_in_program_order_each_once() -> None:
    async def program(world: World) -> None:
        world.write("b")
        world.read("a")
        world.write("b")
        world.read("b")
        world.read("a")
        await trio.lowlevel.checkpoint()
        world.read("a")

    first, second = (told(step) for step in steps_of(program))
    assert first == (Access("b", True), Access("a", False), Access("b", False))
    assert second == (Access("a", False),)


def test_nothing_is_recorded_unless_asked_for() -> None:
    async def program(world: World) -> None:
        world.write("b")

    assert run_once(program).trace_steps == ()


def test_a_step_names_whom_it_spawned_and_does_not_say_that_it_woke_them() -> None:
    async def program(world: World) -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(trio.lowlevel.checkpoint, name="a")
            nursery.start_soon(trio.lowlevel.checkpoint, name="b")

    first = steps_of(program)[0]
    assert first.spawned == ("a", "b")
    assert first.woke == ()


async def handing_over(world: World) -> None:
    turn = trio.Event()

    async def waits() -> None:
        await turn.wait()

    async def sets() -> None:
        await trio.lowlevel.checkpoint()
        turn.set()

    async with trio.open_nursery() as nursery:
        for name in ("w1", "w2"):
            nursery.start_soon(waits, name=name)
        nursery.start_soon(sets, name="s")


def test_a_step_names_whom_it_woke_and_nobody_who_was_ready_before() -> None:
    steps = steps_of(handing_over)
    first, second = of(steps, "s")
    assert first.woke == ()
    assert second.woke == ("w1", "w2")
    assert [step.task for step in steps if step.woke] == ["s", "w2"]


def test_the_exit_of_a_child_names_who_waits_for_it_and_the_last_one_wakes_it() -> None:
    steps = steps_of(handing_over)
    exits = [step for step in steps if step.joined]
    assert [(step.task, step.joined) for step in exits] == [
        ("s", "main"),
        ("w1", "main"),
        ("w2", "main"),
    ]
    assert [step.woke for step in exits][1:] == [(), ("main",)]


def test_a_join_goes_to_the_owner_of_the_nursery_not_to_the_spawner() -> None:
    async def program(world: World) -> None:
        async def starter(other: trio.Nursery) -> None:
            other.start_soon(trio.lowlevel.checkpoint, name="leaf")

        async with trio.open_nursery() as nursery:
            nursery.start_soon(starter, nursery, name="starter")

    steps = steps_of(program)
    assert of(steps, "starter")[0].spawned == ("starter/leaf",)
    assert of(steps, "starter/leaf")[-1].joined == "main"


@pytest.mark.parametrize("how", ["timer", "deadline"])
def test_the_clock_takes_a_step_at_the_new_tick_and_wakes_the_sleepers(how: str) -> None:
    async def program(world: World) -> None:
        async def sleeper(tick: int) -> None:
            if how == "timer":
                await world.sleep_until(tick)
            else:
                await trio.sleep_until(seconds(tick))

        async with trio.open_nursery() as nursery:
            for name, tick in (("a", 5), ("b", 5), ("c", 9)):
                nursery.start_soon(sleeper, tick, name=name)

    clock = of(steps_of(program), CLOCK)
    assert [(step.tick, step.woke) for step in clock] == [(5, ("a", "b")), (9, ("c",))]
    assert {(step.choice, step.ready) for step in clock} == {(-1, ())}


def test_a_cancellation_is_a_write_that_the_cancelled_step_reads() -> None:
    async def program(world: World) -> None:
        scope = trio.CancelScope()

        async def victim() -> None:
            with scope:
                await trio.sleep_forever()

        async with trio.open_nursery() as nursery:
            nursery.start_soon(victim, name="victim")
            await trio.sleep(1)
            scope.cancel()

    steps = steps_of(program)
    (writer,) = [s for s in of(steps, "main") if s.woke]
    assert writer.woke == ("victim",)
    written = {access.name for access in writer.accesses if access.write}
    read = {access.name for access in of(steps, "victim")[-1].accesses if not access.write}
    assert written & read == {"scope:main#1", "scope:main#2.tasks"}


def test_a_single_candidate_is_no_choice_and_others_name_theirs() -> None:
    end = recorded(handing_over, Follow([2, 1, 1]))
    for step in end.trace_steps:
        if step.task == CLOCK:
            continue
        assert step.task in step.ready
        assert (step.choice == -1) == (len(step.ready) == 1)
        if step.choice >= 0:
            choice = end.schedule[step.choice]
            assert choice.option == step.task
            assert tuple(choice.question.options) == step.ready
    numbers = [step.choice for step in end.trace_steps if step.choice >= 0]
    assert numbers == list(range(len(end.schedule)))
    assert len(numbers) > 2


def test_steps_carry_the_tick_at_which_they_ran() -> None:
    async def program(world: World) -> None:
        await trio.sleep(2)
        await trio.lowlevel.checkpoint()

    steps = steps_of(program)
    assert [(step.task, step.tick // PER_SECOND) for step in steps] == [
        ("main", 0),
        (CLOCK, 2),
        ("main", 2),
        ("main", 2),
    ]


async def busy(world: World) -> list[str]:
    """Wake, spawn, join, sleep, time out and touch names, in several tasks."""
    event, log = trio.Event(), []

    async def wait() -> None:
        with trio.move_on_after(seconds(3)):
            await event.wait()
        world.write("x")
        world.event("waited")
        log.append(world.task)

    async def work(tick: int) -> None:
        await world.sleep_until(tick)
        world.read("x")
        event.set()
        world.event("set", at=world.tick)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(wait)
            nursery.start_soon(trio.lowlevel.checkpoint)
        log.append(world.task)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(wait, name="w")
        with world.outside():
            nursery.start_soon(work, 3, name="x")
        nursery.start_soon(work, 2, name="y")
    return log


PROGRAMS = [
    busy,
    handing_over,
    races.program(races.Race("post-fix", hop=True, abort=True)),
    races.program(races.Race("both-states", server_close=True)),
]


@given(
    st.sampled_from(PROGRAMS),
    st.integers(0, 1 << 64),
    st.sampled_from(Order),
    st.integers(0, 2),
)
def test_recording_steps_changes_neither_the_schedule_nor_the_trace(
    program: Program, seed: int, order: Order, late: int
) -> None:
    plain = Job(program, Fifo(), order=order, late=late)
    without = run_once(program, Uniform(seed), plain)
    with_steps = run_once(program, Uniform(seed), replace(plain, steps=True))
    assert with_steps.trace_steps
    assert replace(with_steps, trace_steps=()) == without


@given(st.sampled_from(PROGRAMS), st.integers(0, 1 << 64))
def test_every_step_is_explained_by_an_earlier_one(program: Program, seed: int) -> None:
    """Whoever steps was spawned, woken, or ready already and gave up its turn."""
    end = recorded(program, Uniform(seed))
    runnable = {"main"}
    for step in end.trace_steps:
        if step.task != CLOCK:
            assert set(step.ready) <= runnable | {step.task}
            assert step.task in runnable
        runnable |= {*step.woke, *step.spawned}
    tasks = [step for step in end.trace_steps if step.task != CLOCK]
    assert len(tasks) == end.steps
    assert [s.tick for s in end.trace_steps] == sorted(s.tick for s in end.trace_steps)
