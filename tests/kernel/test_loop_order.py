"""Under first in first out, an iteration runs what was ready, then I/O, then timers, as asyncio."""

import pytest
import trio
import trio.testing

from sim.kernel.order import Order
from sim.kernel.waiters import BY_IO, BY_TASK, BY_TIMER, Waiters
from sim.kernel.world import Job, World
from sim.schedulers.fifo import Fifo
from tests.helpers.running import run_once


def woken_in_one_turn(order: Order, whys: list[int]) -> str:
    """Wake a task for each reason, in the order given, in one step; return who ran when."""

    async def program(world: World) -> str:
        log: list[str] = []
        waiters = [Waiters() for _ in whys]

        async def wait(number: int) -> None:
            await waiters[number].park()
            log.append(f"{number}")

        async with trio.open_nursery() as nursery:
            for number in range(len(whys)):
                nursery.start_soon(wait, number, name=f"t{number}")
            await trio.testing.wait_all_tasks_blocked()
            for waiting, why in zip(waiters, whys, strict=True):
                waiting.wake_all(why)
        return "".join(log)

    end = run_once(program, job=Job(program, Fifo(), order=order))
    assert end.error is None
    return str(end.result)


@pytest.mark.parametrize(
    ("whys", "expected"),
    [
        ([BY_TIMER, BY_IO, BY_TASK], "210"),
        ([BY_IO, BY_TASK, BY_IO, BY_TASK], "1302"),
        ([BY_TASK, BY_TASK], "01"),
    ],
)
def test_what_was_ready_runs_before_io_and_io_before_timers(whys: list[int], expected: str) -> None:
    assert woken_in_one_turn(Order.FIFO, whys) == expected


@pytest.mark.parametrize("order", [Order.ANY, Order.BATCH])
def test_other_runtimes_know_no_such_order(order: Order) -> None:
    assert woken_in_one_turn(order, [BY_TIMER, BY_IO, BY_TASK]) == "012"


def test_a_timer_and_an_arrival_of_one_tick_run_in_asyncios_order() -> None:
    async def program(world: World) -> str:
        log: list[str] = []
        arrival = Waiters()

        async def reads() -> None:
            await arrival.park()
            log.append("io")

        async def sleeps() -> None:
            await world.sleep_until(5)
            log.append("timer")

        async with trio.open_nursery() as nursery:
            nursery.start_soon(sleeps)
            nursery.start_soon(reads)
            await trio.lowlevel.checkpoint()
            world.wake_at(5, arrival, BY_IO)
        return " ".join(log)

    assert run_once(program, job=Job(program, Fifo(), order=Order.FIFO)).result == "io timer"
