"""Trio's own primitives are noted, under names that mean the same in every run of a search."""

import re
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
import trio

from sim.kernel import observe
from sim.kernel.series import run_search
from sim.kernel.world import Job, World
from sim.model.record import Access, End, Ending
from sim.schedulers.exhaustive import Exhaustive
from sim.schedulers.fifo import Fifo
from tests.helpers.running import run_once

TABLES = [(owner, name) for table in (observe._LOOKS, observe._ACTS, observe._WAITS)
          for owner, names in table for name in names]  # fmt: skip
WRAPPED = [
    *TABLES,
    *((made, "__init__") for made in observe._MADE),
    *observe._LOOKED_AT,
]


def recorded(program: Callable[[World], Awaitable[Any]]) -> End:
    return run_once(program, Fifo(), Job(program, Fifo(), steps=True))


def noted(end: End) -> list[Access]:
    """Return what was noted of objects, in order, over all steps."""
    return [
        access
        for step in end.trace_steps
        for access in step.accesses
        if re.match(r"[A-Z]\w*:", access.name)
    ]


def held() -> dict[tuple[type, str], object]:
    return {(owner, name): owner.__dict__.get(name) for owner, name in WRAPPED}


@pytest.mark.parametrize("fails", [False, True])
def test_everything_is_as_before_when_the_run_is_over(fails: bool) -> None:
    before = held()
    during: list[dict[tuple[type, str], object]] = []

    async def program(world: World) -> None:
        during.append(held())
        if fails:
            raise ValueError("no")

    end = recorded(program)
    assert (end.ending is Ending.FAILED) == fails
    assert held() == before
    assert all(during[0][key] is not before[key] for key in before)


def test_nothing_is_wrapped_while_steps_are_not_recorded() -> None:
    before = held()
    during: list[dict[tuple[type, str], object]] = []

    async def program(world: World) -> None:
        during.append(held())

    run_once(program)
    changed = {key for key in before if during[0][key] is not before[key]}
    assert changed == {(trio.Event, "set")}  # by the kernel itself, which orders what it wakes


async def event(_: World) -> None:
    one = trio.Event()
    one.is_set()
    one.set()
    await one.wait()


async def lock(_: World) -> None:
    one = trio.Lock()
    one.locked()
    async with one:
        pass


async def strict(_: World) -> None:
    one = trio.StrictFIFOLock()
    one.locked()
    one.acquire_nowait()
    one.release()


async def semaphore(_: World) -> None:
    one = trio.Semaphore(1)
    assert one.value == 1
    async with one:
        pass


async def limiter(_: World) -> None:
    one = trio.CapacityLimiter(1)
    assert one.available_tokens == 1
    async with one:
        assert one.borrowed_tokens == 1
    one.total_tokens = 2


async def condition(_: World) -> None:
    one = trio.Condition()
    one.locked()
    async with one:
        one.notify()


async def parking(_: World) -> None:
    one = trio.lowlevel.ParkingLot()
    assert not one
    one.unpark_all()


async def channel(_: World) -> None:
    put, get = trio.open_memory_channel[int](1)
    put.statistics()
    await put.send(1)
    assert await get.receive() == 1
    put.close()


@pytest.mark.parametrize(
    ("use", "kind"),
    [
        (event, "Event"),
        (lock, "Lock"),
        (strict, "StrictFIFOLock"),
        (semaphore, "Semaphore"),
        (limiter, "CapacityLimiter"),
        (condition, "Condition"),
        (parking, "ParkingLot"),
        (channel, "MemorySendChannel"),
    ],
)
def test_each_primitive_is_looked_at_by_reads_and_changed_by_writes(
    use: Callable[[World], Awaitable[None]], kind: str
) -> None:
    end = recorded(use)
    assert end.error is None
    own = [one for one in noted(end) if one.name.startswith(f"{kind}:main#")]
    assert own
    assert len({one.name for one in own}) == 1
    assert {one.write for one in own} == {False, True}


def test_looking_alone_is_no_write() -> None:
    async def program(world: World) -> None:
        one = trio.Event()
        assert not one.is_set()
        assert not trio.Lock().locked()

    found = noted(recorded(program))
    assert found
    assert not any(access.write for access in found)


def test_both_ends_of_a_channel_are_one_object() -> None:
    async def program(world: World) -> None:
        put, get = trio.open_memory_channel[int](1)
        put.send_nowait(1)
        get.clone().receive_nowait()

    names = {one.name for one in noted(recorded(program))}
    assert len(names) == 1


def test_a_wait_is_noted_before_and_after() -> None:
    async def program(world: World) -> None:
        one = trio.Event()

        async def waits() -> None:
            await one.wait()

        async with trio.open_nursery() as nursery:
            nursery.start_soon(waits, name="w")
            await trio.sleep(1)
            one.set()

    end = recorded(program)
    steps = [step for step in end.trace_steps if step.task == "w"]
    assert len(steps) == 2
    for step in steps:
        assert Access("Event:main#1", True) in step.accesses


SHARED = trio.Event()


def test_a_limiter_has_one_name_from_its_making_on() -> None:
    """It sets its own tokens while it is made."""
    names = {one.name for _ in range(2) for one in noted(recorded(limiter))}
    assert {name.partition(":")[0] for name in names} == {"CapacityLimiter", "ParkingLot"}
    assert all(name.partition(":")[2].startswith("main#") for name in names)


async def several(world: World) -> None:
    """Make objects in several tasks, whose order is open, and use one from outside."""

    async def makes() -> None:
        for _ in range(2):
            one = trio.Event()
            await trio.lowlevel.checkpoint()
            one.set()
        SHARED.is_set()

    async with trio.open_nursery() as nursery:
        for name in "ab":
            nursery.start_soon(makes, name=name)


def test_names_are_the_same_in_every_run_of_a_search() -> None:
    met: set[frozenset[str]] = set()
    by_task: dict[str, set[str]] = {}
    orders: set[tuple[str, ...]] = set()

    def on_end(end: End) -> None:
        met.add(frozenset(access.name for access in noted(end)))
        orders.add(tuple(step.task for step in end.trace_steps))
        for step in end.trace_steps:
            names = {one.name for one in step.accesses if one.name.startswith("Event:")}
            by_task.setdefault(step.task, set()).update(names)

    series = run_search(Job(several, Fifo(), steps=True), Exhaustive(), on_end)
    assert series.complete
    assert len(orders) > 5
    (names,) = met
    own = {f"Event:{task}#{number}" for task in "ab" for number in (1, 2)}
    assert own < names
    (outside,) = names - own
    assert re.fullmatch(r"Event:\d+", outside)
    for task in "ab":
        assert by_task[task] == {f"Event:{task}#1", f"Event:{task}#2", outside}


def test_what_was_made_outside_keeps_its_name_and_others_get_another() -> None:
    one, two = trio.Event(), trio.Event()

    async def program(world: World) -> None:
        two.is_set()
        one.is_set()

    async def other(world: World) -> None:
        one.is_set()

    first = [access.name for access in noted(recorded(program))]
    assert len(set(first)) == 2
    assert [access.name for access in noted(recorded(program))] == first
    assert [access.name for access in noted(recorded(other))] == first[1:]
