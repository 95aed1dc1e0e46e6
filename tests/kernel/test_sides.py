"""Sides: who belongs to the loop and who to the outside, and what the runtime makes of it."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext

import pytest
import trio

from sim.kernel.order import Order
from sim.kernel.series import run_search
from sim.kernel.world import Job, Program, World
from sim.model.record import LOOP, End
from sim.model.schedule import Kind
from sim.schedulers.exhaustive import Exhaustive
from sim.schedulers.fifo import Fifo
from tests.helpers.running import run_once

Place = Callable[[World], AbstractContextManager[None]]


def outside(world: World) -> AbstractContextManager[None]:
    return world.outside()


def inside(world: World) -> AbstractContextManager[None]:
    return world.inside()


def either(world: World) -> AbstractContextManager[None]:
    return nullcontext()


def ended(program: Program, order: Order) -> End:
    end = run_once(program, job=Job(program, Fifo(), order=order))
    assert end.error is None
    return end


def arrivals(end: End) -> set[str]:
    """Return the tasks that the schedule took for the outside world."""
    return {
        str(option)
        for choice in end.schedule
        if choice.question.kind is Kind.ARRIVAL
        for option in choice.question.options
        if option != LOOP
    }


def family(parent: Place, child: Place) -> Program:
    """Return a program: main starts p in `parent`, p starts c in `child`; l is of the loop."""

    async def program(world: World) -> None:
        async def turns() -> None:
            for _ in range(3):
                await trio.lowlevel.checkpoint()

        async def starts() -> None:
            async with trio.open_nursery() as nursery:
                with child(world):
                    nursery.start_soon(turns, name="c")
                await turns()

        async with trio.open_nursery() as nursery:
            nursery.start_soon(turns, name="l")
            with parent(world):
                nursery.start_soon(starts, name="p")
            await turns()

    return program


@pytest.mark.parametrize("order", [Order.FIFO, Order.BATCH])
@pytest.mark.parametrize(
    ("parent", "child", "expected"),
    [
        (either, either, set()),
        (inside, inside, set()),
        (outside, either, {"p", "p/c"}),
        (outside, outside, {"p", "p/c"}),
        (outside, inside, {"p"}),
        (either, outside, {"p/c"}),
        (inside, outside, {"p/c"}),
    ],
)
def test_children_inherit_the_side_of_their_spawner_unless_a_block_says_otherwise(
    order: Order, parent: Place, child: Place, expected: set[str]
) -> None:
    assert arrivals(ended(family(parent, child), order)) == expected


def test_under_any_order_sides_make_no_other_choices() -> None:
    end = ended(family(outside, inside), Order.ANY)
    assert end.schedule
    assert {choice.question.kind for choice in end.schedule} == {Kind.STEP}


@pytest.mark.parametrize("order", [Order.FIFO, Order.BATCH])
def test_the_innermost_block_counts_and_leaving_it_restores_the_outer(order: Order) -> None:
    async def program(world: World) -> None:
        async def turns() -> None:
            for _ in range(3):
                await trio.lowlevel.checkpoint()

        async with trio.open_nursery() as nursery:
            with world.outside():
                nursery.start_soon(turns, name="a")
                with world.inside():
                    nursery.start_soon(turns, name="b")
                    with world.outside():
                        nursery.start_soon(turns, name="c")
                nursery.start_soon(turns, name="d")
            nursery.start_soon(turns, name="e")

    assert arrivals(ended(program, order)) == {"a", "c", "d"}


@pytest.mark.parametrize("place", [outside, inside])
def test_a_block_that_raises_restores_the_side(place: Place) -> None:
    async def program(world: World) -> None:
        async def turns() -> None:
            for _ in range(3):
                await trio.lowlevel.checkpoint()

        async with trio.open_nursery() as nursery:
            with world.outside():
                nursery.start_soon(turns, name="x")
                try:
                    with place(world):
                        raise KeyError
                except KeyError:
                    nursery.start_soon(turns, name="y")
            nursery.start_soon(turns, name="z")

    assert arrivals(ended(program, Order.FIFO)) == {"x", "y"}


def lines(order: Order) -> set[object]:
    """Return every course of two loop tasks of two turns and one task X outside."""

    async def program(world: World) -> str:
        log: list[str] = []

        async def turns(name: str, count: int) -> None:
            for _ in range(count):
                log.append(name)
                await trio.lowlevel.checkpoint()

        async with trio.open_nursery() as nursery:
            nursery.start_soon(turns, "a", 2, name="a")
            nursery.start_soon(turns, "b", 2, name="b")
            with world.outside():
                nursery.start_soon(turns, "X", 1, name="X")
        return "".join(log)

    seen: set[object] = set()
    job = Job(program, Fifo(), order=order)
    assert run_search(job, Exhaustive(), lambda end: seen.add(end.result)).complete
    return seen


def test_between_batches_alone_the_outside_lands() -> None:
    assert lines(Order.FIFO) == {"Xabab", "abXab", "ababX"}
    pairs = ("ab", "ba")
    expected = {
        "".join(parts)
        for one in pairs
        for two in pairs
        for parts in (("X", one, two), (one, "X", two), (one, two, "X"))
    }
    assert lines(Order.BATCH) == expected


def test_under_any_order_the_outside_lands_anywhere() -> None:
    seen = lines(Order.ANY)
    assert {str(line).index("X") for line in seen} == {0, 1, 2, 3, 4}
    assert lines(Order.BATCH) < seen


def test_by_default_the_outside_goes_first() -> None:
    end = ended(family(outside, either), Order.FIFO)
    asked = [choice for choice in end.schedule if choice.question.kind is Kind.ARRIVAL]
    assert asked
    assert all(choice.option != LOOP for choice in asked)
    assert all(choice.picked == choice.question.default == 0 for choice in asked)


def test_a_block_that_awaits_says_nothing_about_what_other_tasks_start() -> None:
    async def program(world: World) -> None:
        async def turns() -> None:
            for _ in range(2):
                await trio.lowlevel.checkpoint()

        async def holds() -> None:
            with world.outside():
                await turns()

        async def starts(nursery: trio.Nursery) -> None:
            nursery.start_soon(turns, name="c")
            await turns()

        async with trio.open_nursery() as nursery:
            nursery.start_soon(holds, name="holds")
            nursery.start_soon(starts, nursery, name="starts")

    assert arrivals(ended(program, Order.FIFO)) == set()
