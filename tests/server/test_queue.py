"""The receive queue: asyncio.Queue's rules for who is woken, and what a server adds to them."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st

from sim.kernel.order import Order
from sim.kernel.world import Job, Program, World
from sim.model.profiles import profile_named
from sim.model.record import LOOP, Access, End, Ending
from sim.schedulers.fifo import Fifo
from sim.server.queue import Message, ReceiveQueue
from tests.helpers.running import run_once

Op = str
"""put: add the next number. get: start a getter of one. two: of two. turn: let the others step."""


def nothing() -> None:
    return None


def ran(program: Program, order: Order = Order.FIFO, steps: bool = False) -> End:
    end = run_once(program, job=Job(program, Fifo(), order=order, steps=steps))
    assert end.ending is Ending.COMPLETED, end.error
    return end


def queue_of(world: World, **switches: Any) -> ReceiveQueue:
    return ReceiveQueue(world, "queue", replace(profile_named("uvicorn-wsproto@0.35"), **switches))


async def getter(name: str, count: int, get: Callable[[], Awaitable[int]], log: list[str]) -> None:
    for _ in range(count):
        log.append(f"{name} asks")
        log.append(f"{name} got {await get()}")


async def script(
    ops: Sequence[Op],
    put: Callable[[int], None],
    start: Callable[[str, int], None],
    turn: Callable[[], Awaitable[object]],
    log: list[str],
) -> None:
    """Play `ops`, then feed every getter that still waits."""
    put_already = wanted = 0
    for index, op in enumerate(ops):
        if op == "put":
            put(put_already)
            put_already += 1
        elif op == "turn":
            await turn()
        else:
            count = 2 if op == "two" else 1
            wanted += count
            start(f"g{index}", count)
        log.append(op)
    while put_already < wanted:
        put(put_already)
        put_already += 1
        await turn()


def simulated(ops: Sequence[Op]) -> list[str]:
    log: list[str] = []

    async def program(world: World) -> None:
        queue = queue_of(world)

        async def get() -> int:
            message = await queue.get(nothing)
            return int(message["number"])

        async with trio.open_nursery() as nursery:

            def start(name: str, count: int) -> None:
                nursery.start_soon(getter, name, count, get, log, name=name)

            def put(number: int) -> None:
                queue.put({"number": number})

            await script(ops, put, start, trio.lowlevel.checkpoint, log)

    ran(program)
    return log


def real(ops: Sequence[Op]) -> list[str]:
    log: list[str] = []

    async def main() -> None:
        queue: asyncio.Queue[int] = asyncio.Queue()
        tasks: list[asyncio.Task[None]] = []

        def start(name: str, count: int) -> None:
            tasks.append(asyncio.create_task(getter(name, count, queue.get, log)))

        async def turn() -> None:
            await asyncio.sleep(0)

        await script(ops, queue.put_nowait, start, turn, log)
        await asyncio.gather(*tasks)

    asyncio.run(main())
    return log


@pytest.mark.parametrize(
    "ops",
    [
        "get get turn put put turn",
        "get get get turn put turn put turn put turn",
        "put put get two turn put",
        "two turn put turn put turn",
        "get turn put get turn turn put",  # the second getter comes while the first is woken
        "two two turn put put put turn turn",
        "get turn put get get turn put put turn",
    ],
)
def test_scripted_moves_go_as_with_a_real_asyncio_queue(ops: str) -> None:
    log = simulated(ops.split())
    assert log == real(ops.split())
    assert sum(" got " in line for line in log) == ops.count("get") + 2 * ops.count("two")


@given(st.lists(st.sampled_from(["put", "get", "two", "turn"]), max_size=16))
def test_any_moves_go_as_with_a_real_asyncio_queue(ops: list[Op]) -> None:
    assert simulated(ops) == real(ops)


def test_a_put_wakes_one_getter_the_one_that_has_waited_longest() -> None:
    log = simulated(["get", "get", "turn", "put", "turn", "turn"])
    assert log[-5:] == ["put", "g0 got 0", "turn", "turn", "g1 got 1"]


def test_a_getter_that_finds_a_message_does_not_yield() -> None:
    async def program(world: World) -> str:
        queue, log = queue_of(world), []
        queue.put({"n": 1})
        queue.put({"n": 2})

        async def other() -> None:
            log.append("other")

        async with trio.open_nursery() as nursery:
            nursery.start_soon(other)
            log.append(str((await queue.get(nothing))["n"]))
            log.append(str((await queue.get(nothing))["n"]))
        return " ".join(log)

    assert ran(program).result == "1 2 other"


def test_a_getter_that_finds_a_message_takes_it_even_from_one_that_was_woken() -> None:
    async def program(world: World) -> list[str]:
        queue, log = queue_of(world), []

        async def waits() -> None:
            log.append(f"woken {(await queue.get(nothing))['n']}")

        async with trio.open_nursery() as nursery:
            nursery.start_soon(waits)
            await trio.lowlevel.checkpoint()
            queue.put({"n": 1})
            log.append(f"barged {(await queue.get(nothing))['n']}")
            await trio.lowlevel.checkpoint()
            queue.put({"n": 2})
        return log

    assert ran(program).result == ["barged 1", "woken 2"]


def test_what_is_over_comes_before_what_waits_and_leaves_it_there() -> None:
    async def program(world: World) -> list[Any]:
        queue = queue_of(world)
        queue.put({"n": 1})
        gone: Message = {"type": "websocket.disconnect"}
        first = await queue.get(lambda: gone)
        left = bool(queue)
        return [first, left, await queue.get(nothing), bool(queue)]

    assert ran(program).result == [{"type": "websocket.disconnect"}, True, {"n": 1}, False]


def test_the_end_is_for_everyone_who_waits_or_comes_later_once_the_messages_are_taken() -> None:
    async def program(world: World) -> list[str]:
        queue, log = queue_of(world), []

        async def waits(name: str) -> None:
            log.append(f"{name} {(await queue.get(nothing))['type']}")

        async with trio.open_nursery() as nursery:
            for name in "abc":
                nursery.start_soon(waits, name)
            await trio.sleep(1)
            queue.put({"type": "message"})
            queue.end({"type": "end"})
            await trio.sleep(1)
            await waits("d")
        return log

    assert ran(program).result == ["a message", "b end", "c end", "d end"]


def test_whether_it_is_over_is_asked_once_before_the_wait() -> None:
    """websockets_impl.py, asgi_receive: closed_event is looked at before recv, not after."""

    async def program(world: World) -> Any:
        queue = queue_of(world)
        answers = iter([None, {"type": "over"}])

        async def puts() -> None:
            queue.put({"type": "message"})

        async with trio.open_nursery() as nursery:
            nursery.start_soon(puts)
            return await queue.get(lambda: next(answers))

    assert ran(program).result == {"type": "message"}


def test_where_one_may_receive_two_may_wait_for_the_end_once_reading_is_finished() -> None:
    async def program(world: World) -> list[str]:
        queue, log = queue_of(world, one_receiver=True), []

        async def waits(name: str) -> None:
            log.append(f"{name} {(await queue.get(nothing))['type']}")

        async with trio.open_nursery() as nursery:
            nursery.start_soon(waits, "a")
            await trio.sleep(1)
            queue.finish()
            nursery.start_soon(waits, "b")
            await trio.sleep(1)
            queue.end({"type": "end"})
        return log

    assert ran(program).result == ["a end", "b end"]


@pytest.mark.parametrize(
    ("switches", "there", "turns"),
    [
        ({"ready_turns": 1}, True, 1),
        ({"ready_turns": 1}, False, 2),
        ({"woken_turns": 1}, True, 0),
        ({"woken_turns": 1}, False, 3),
        ({}, True, 0),
        ({}, False, 2),
    ],
)
def test_a_get_takes_the_turns_that_the_profile_says(
    switches: dict[str, int], there: bool, turns: int
) -> None:
    """ready_turns for what is there already, woken_turns beyond those of the put and the wake."""

    async def program(world: World) -> int:
        queue, counted = queue_of(world, **switches), 0

        async def counts() -> None:
            nonlocal counted
            while True:
                await trio.lowlevel.checkpoint()
                counted += 1

        if there:
            queue.put({"n": 1})
        async with trio.open_nursery() as nursery:
            nursery.start_soon(counts)
            await trio.lowlevel.checkpoint()
            if not there:
                nursery.start_soon(_puts, queue)
            before = counted
            await queue.get(nothing)
            nursery.cancel_scope.cancel()
            return counted - before

    assert ran(program).result == turns


async def _puts(queue: ReceiveQueue) -> None:
    queue.put({"n": 1})


@pytest.mark.parametrize("one_receiver", [True, False])
def test_a_second_waiting_getter_is_an_error_only_where_the_server_says_so(
    one_receiver: bool,
) -> None:
    async def program(world: World) -> list[str]:
        queue, log = queue_of(world, one_receiver=one_receiver), []

        async def waits(name: str) -> None:
            try:
                log.append(f"{name} {(await queue.get(nothing))['n']}")
            except RuntimeError as error:
                log.append(f"{name} {error}")

        async with trio.open_nursery() as nursery:
            nursery.start_soon(waits, "a")
            nursery.start_soon(waits, "b")
            await trio.sleep(1)
            queue.put({"n": 1})
            await trio.sleep(1)
            queue.put({"n": 2})
        return log

    refused = "b cannot call recv while another coroutine is already waiting for the next message"
    expected = [refused, "a 1"] if one_receiver else ["a 1", "b 2"]
    assert ran(program).result == expected


@pytest.mark.parametrize("arrives", ["message", "end"])
def test_one_receiver_forbids_waiting_twice_not_taking_what_is_there(arrives: str) -> None:
    async def program(world: World) -> object:
        queue = queue_of(world, one_receiver=True)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(queue.get, nothing)
            await trio.sleep(1)
            if arrives == "end":
                got = await queue.get(lambda: {"n": 1})
            else:
                queue.put({"n": 1})
                got = await queue.get(nothing)
            nursery.cancel_scope.cancel()
        return got

    assert ran(program).result == {"n": 1}


def test_a_cancelled_getter_neither_takes_a_message_nor_stands_in_the_way() -> None:
    async def program(world: World) -> list[Any]:
        queue = queue_of(world, one_receiver=True)
        with trio.move_on_after(1) as scope:
            await queue.get(nothing)
        queue.put({"n": 1})
        return [scope.cancelled_caught, await queue.get(nothing)]

    assert ran(program).result == [True, {"n": 1}]


def test_every_look_at_the_queue_is_a_write_for_the_search() -> None:
    async def program(world: World) -> None:
        queue = queue_of(world)
        queue.put({})
        await trio.lowlevel.checkpoint()
        await queue.get(nothing)
        await trio.lowlevel.checkpoint()
        queue.end({})

    steps = [step for step in ran(program, steps=True).trace_steps if step.task != LOOP]
    assert [step.accesses[1:] for step in steps] == [(Access("queue", True),)] * 3
