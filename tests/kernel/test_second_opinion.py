"""The numbers of schedules of the small guard races, twice: by the kernel and by the oracle."""

from collections import Counter
from typing import Any

import pytest
import trio

from sim.kernel.series import run_search
from sim.kernel.world import Job, Program
from sim.model.record import End
from sim.schedulers.exhaustive import Exhaustive
from sim.schedulers.fifo import Fifo
from tests.helpers.gate import search
from tests.helpers.races import NEED_ACCEPT, Race, program

CLOSED, LEFT = "disconnect", "left at the final check"
RACES = [
    (Race("pre-fix", abort=True), {NEED_ACCEPT: 83, CLOSED: 27}),
    (Race("post-fix", abort=True), {NEED_ACCEPT: 83, CLOSED: 27}),
    (Race("both-states", abort=True), {LEFT: 83, CLOSED: 27}),
    (Race("both-states", hop=True, abort=True), {LEFT: 262, CLOSED: 90}),
    (Race("both-states", server_close=True), {LEFT: 8, CLOSED: 9}),
    (Race("both-states", hop=True, server_close=True), {NEED_ACCEPT: 27, CLOSED: 15, LEFT: 8}),
]
LARGE = Race("both-states", abort=True, server_close=True, rounds=1)


def full_search(code: Program) -> Counter[tuple[str, Any]]:
    endings: Counter[tuple[str, Any]] = Counter()

    def count(end: End) -> None:
        endings[str(end.ending), end.result] += 1

    series = run_search(Job(code, Fifo(), events=False), Exhaustive(), count)
    assert series.complete
    assert series.runs == endings.total()
    return endings


@pytest.mark.parametrize(("race", "expected"), RACES, ids=str)
def test_kernel_and_oracle_count_the_same_schedules(race: Race, expected: dict[str, int]) -> None:
    endings = full_search(program(race))
    assert endings == {("completed", ending): count for ending, count in expected.items()}
    assert endings == search(program(race))


@pytest.mark.slow
def test_kernel_and_oracle_agree_on_the_large_race() -> None:
    endings = full_search(program(LARGE))
    assert endings.total() == 26_674
    assert not any(NEED_ACCEPT in str(result) for _, result in endings)
    assert endings == search(program(LARGE))


async def _timeouts(_world: object) -> str:
    order: list[str] = []

    async def sleeper(name: str, seconds: float) -> None:
        with trio.move_on_after(1):
            await trio.sleep(seconds)
            order.append(name)
            return
        order.append(name + " timed out")

    async with trio.open_nursery() as nursery:
        nursery.start_soon(sleeper, "a", 0.5)
        nursery.start_soon(sleeper, "b", 2)
        nursery.start_soon(sleeper, "c", 2)
    return ",".join(order)


async def _deadlock_in_some_orders(_world: object) -> str:
    put, get = trio.open_memory_channel[int](0)
    lock = trio.Lock()

    async def one() -> None:
        async with lock:
            await put.send(1)

    async def two() -> None:
        async with lock:
            await get.receive()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(one)
        nursery.start_soon(two)
    return "done"


async def _cancelling(_world: object) -> str:
    log: list[str] = []

    async def victim(scope: trio.CancelScope) -> None:
        with scope:
            await trio.lowlevel.checkpoint()
            log.append("survived")
            await trio.lowlevel.checkpoint()
            log.append("to the end")

    async def killer(scope: trio.CancelScope) -> None:
        await trio.lowlevel.checkpoint()
        scope.cancel()

    scope = trio.CancelScope()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(victim, scope)
        nursery.start_soon(killer, scope)
    return ",".join(log)


@pytest.mark.parametrize("code", [_timeouts, _deadlock_in_some_orders, _cancelling])
def test_kernel_and_oracle_agree_on_small_programs(code: Program) -> None:
    endings = full_search(code)
    assert endings == search(code)
    assert endings.total() > 1
