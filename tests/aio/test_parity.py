"""Small programs run in the same order on the simulated loop as on asyncio's own."""

import asyncio
import contextvars
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress

import pytest

from sim.aio.loop import SimLoop
from sim.aio.session import AppJob
from sim.kernel.series import run_once
from sim.model.app import Bounds
from sim.model.record import Ending
from sim.schedulers.fifo import Fifo

Say = Callable[[str], None]
Program = Callable[[Say], Awaitable[None]]
PROGRAMS: dict[str, Program] = {}


def program(main: Program) -> Program:
    """Add a program to those that are compared."""
    PROGRAMS[getattr(main, "__name__", "")] = main
    return main


@program
async def calls_soon(say: Say) -> None:
    loop = asyncio.get_running_loop()
    for name in "abc":
        loop.call_soon(say, name)
    loop.call_soon(loop.call_soon, say, "e")
    handle = loop.call_soon(say, "never")
    loop.call_soon(say, "d")
    handle.cancel()
    await asyncio.sleep(0)
    say("main")
    await asyncio.sleep(0)


@program
async def timers(say: Say) -> None:
    loop = asyncio.get_running_loop()
    at = loop.time() + 0.02
    for name in "abc":
        loop.call_at(at, say, f"same {name}")
    loop.call_later(0.04, say, "later")
    loop.call_later(0.01, say, "sooner")
    loop.call_later(-1, say, "past")
    loop.call_later(0.03, say, "never").cancel()
    await asyncio.sleep(0.06)


@program
async def tasks(say: Say) -> None:
    async def child(name: str, turns: int) -> str:
        for turn in range(turns):
            say(f"{name}{turn}")
            await asyncio.sleep(0)
        return name

    made = [asyncio.create_task(child(name, number)) for number, name in enumerate("abcd", 1)]
    for task in made:
        task.add_done_callback(lambda done: say(f"done {done.result()}"))
    say("made")
    say(",".join(await asyncio.gather(*made)))


@program
async def a_group_that_fails(say: Say) -> None:
    async def sleeps(name: str) -> None:
        try:
            await asyncio.sleep(1)
        finally:
            say(f"{name} leaves")
            await asyncio.sleep(0)
            say(f"{name} gone")

    async def fails() -> None:
        await asyncio.sleep(0)
        raise LookupError("no")

    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(sleeps("a"))
            group.create_task(fails())  # of several that live it cancels any first: a set
    except* LookupError as errors:
        say(f"{len(errors.exceptions)} failed")


@program
async def timeouts(say: Say) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(0.01):
            await asyncio.sleep(1)
    say("timed out")
    async with asyncio.timeout(1):
        await asyncio.sleep(0.01)
    say("in time")
    say(await asyncio.wait_for(asyncio.sleep(0.01, "waited"), 1))
    try:
        await asyncio.wait_for(asyncio.sleep(1), 0.01)
    except TimeoutError:
        say("waited too long")


@program
async def queues(say: Say) -> None:
    queue: asyncio.Queue[int] = asyncio.Queue(2)

    async def produce() -> None:
        for number in range(5):
            await queue.put(number)
            say(f"put {number}")

    async def consume(name: str) -> None:
        while True:
            say(f"{name} got {await queue.get()}")
            queue.task_done()

    consumers = [asyncio.create_task(consume(name)) for name in "xy"]
    await produce()
    await queue.join()
    for task in consumers:
        task.cancel()
    await asyncio.gather(*consumers, return_exceptions=True)
    say("joined")


@program
async def locks_and_events(say: Say) -> None:
    lock, event, gate = asyncio.Lock(), asyncio.Event(), asyncio.Semaphore(2)
    condition = asyncio.Condition()

    async def works(name: str) -> None:
        async with lock:
            say(f"{name} in")
            await asyncio.sleep(0)
        await event.wait()
        async with gate:
            say(f"{name} through")
            await asyncio.sleep(0)
        async with condition:
            await condition.wait()
            say(f"{name} notified")

    made = [asyncio.create_task(works(name)) for name in "abcd"]
    await asyncio.sleep(0.01)
    event.set()
    await asyncio.sleep(0.01)
    async with condition:
        condition.notify(2)
    await asyncio.sleep(0)
    async with condition:
        condition.notify_all()
    await asyncio.gather(*made)


@program
async def contexts(say: Say) -> None:
    variable = contextvars.ContextVar("variable", default="unset")

    async def child() -> None:
        say(variable.get())
        variable.set("child's")

    variable.set("main's")
    await asyncio.create_task(child())
    say(variable.get())
    asyncio.get_running_loop().call_soon(lambda: say(variable.get()))
    variable.set("later")
    await asyncio.sleep(0)


@program
async def generators(say: Say) -> None:
    async def numbers() -> AsyncIterator[int]:
        try:
            for number in range(10):
                yield number
                await asyncio.sleep(0)
        finally:
            say("closing")
            await asyncio.sleep(0)
            say("closed")

    made = numbers()
    async for number in made:
        say(str(number))
        if number == 2:
            break
    await made.aclose()  # type: ignore[attr-defined]
    say("after")


@program
async def cancellations(say: Say) -> None:
    async def stubborn() -> str:
        try:
            await asyncio.sleep(1)
        except asyncio.CancelledError:
            say("asked to leave")
            await asyncio.sleep(0.005)
            say("stayed")
            current = asyncio.current_task()
            assert current is not None
            current.uncancel()
        return "result"

    task = asyncio.create_task(stubborn())
    await asyncio.sleep(0)
    task.cancel()
    say(await task)
    never = asyncio.create_task(asyncio.sleep(1))
    never.cancel()
    with suppress(asyncio.CancelledError):
        await never
    say(str(never.cancelled()))
    shielded = asyncio.create_task(asyncio.sleep(0.01, "kept"))
    with suppress(TimeoutError):
        await asyncio.wait_for(asyncio.shield(shielded), 0.001)
    say(await shielded)


@program
async def waits(say: Say) -> None:
    async def after(seconds: float, name: str) -> str:
        await asyncio.sleep(seconds)
        return name

    made = [asyncio.create_task(after(number / 100, str(number))) for number in (3, 1, 2)]
    done, pending = await asyncio.wait(made, return_when=asyncio.FIRST_COMPLETED)
    say(f"{[task.result() for task in done]} {len(pending)}")
    for first in asyncio.as_completed(pending):
        say(await first)
    found = await asyncio.gather(after(0.01, "a"), asyncio.sleep(-1), return_exceptions=True)
    say(str(found))


@program
async def executors(say: Say) -> None:
    loop = asyncio.get_running_loop()
    say(str(await loop.run_in_executor(None, lambda: 1)))
    say(str(await asyncio.to_thread(lambda: 2)))
    try:
        await asyncio.to_thread(lambda: 1 / 0)
    except ZeroDivisionError:
        say("raised")


@program
async def handlers(say: Say) -> None:
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: say(f"handled {context['exception']!r}"))

    def fails() -> None:
        raise LookupError("in a callback")

    loop.call_soon(fails)
    loop.call_soon_threadsafe(say, "threadsafe")
    loop.call_soon(say, "next")
    await asyncio.sleep(0)
    await asyncio.sleep(0)


def on_asyncio(main: Program) -> list[str]:
    said: list[str] = []

    async def whole() -> None:
        await main(said.append)

    with asyncio.Runner(loop_factory=asyncio.SelectorEventLoop) as runner:
        runner.run(whole())
    return said


def simulated(main: Program) -> list[str]:
    said: list[str] = []

    async def whole() -> None:
        await main(said.append)

    def run(loop: SimLoop) -> Ending:
        loop.run_until_complete(whole())
        return Ending.COMPLETED

    assert run_once(AppJob(run, Fifo(), Bounds())).ending is Ending.COMPLETED
    return said


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_program_says_the_same_in_the_same_order_as_on_asyncios_own_loop(name: str) -> None:
    said = simulated(PROGRAMS[name])
    assert len(said) >= 3
    assert said == on_asyncio(PROGRAMS[name])
