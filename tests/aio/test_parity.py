"""Small programs run in the same order on the simulated loop as on asyncio's own.

Only what asyncio promises is compared: none of these programs says anything whose order a set
decides, or a thread. What real time decides lies so far apart that a busy machine does not mix it
up; timers that come due together run in the order of their times, however late that is.
"""

import asyncio
import contextvars
import selectors
import sys
import time
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

import pytest

from sim.aio.loop import SimLoop
from sim.aio.session import AppJob
from sim.kernel.series import run_once
from sim.model.app import Bounds
from sim.model.record import End, Ending
from sim.schedulers.fifo import Fifo

Say = Callable[[str], None]
Program = Callable[[Say], Awaitable[None]]
PROGRAMS: dict[str, Program] = {}
PUNCTUAL_S = 0.004
"""A loop that was never held up for longer tells no two times apart otherwise than it should."""
ATTEMPTS = 50
"""Runs on asyncio's own loop, each held up by a busy machine, before a difference counts."""


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
    shielded = asyncio.create_task(asyncio.sleep(0.1, "kept"))
    with suppress(TimeoutError):
        await asyncio.wait_for(asyncio.shield(shielded), 0.005)
    say(await shielded)


@program
async def waits(say: Say) -> None:
    async def after(seconds: float, name: str) -> str:
        await asyncio.sleep(seconds)
        return name

    made = [asyncio.create_task(after(number / 20 - 0.04, str(number))) for number in (3, 1, 2)]
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


@program
async def sleeps_of_nothing(say: Say) -> None:
    loop = asyncio.get_running_loop()

    async def steps(name: str, count: int) -> None:
        for number in range(count):
            say(f"{name}{number}")
            loop.call_soon(say, f"called by {name}{number}")
            await asyncio.sleep(0)

    async def nests(name: str) -> None:
        await steps(f"{name} one ", 2)
        inner = asyncio.create_task(steps(f"{name} inner ", 2))
        await asyncio.sleep(0)
        await steps(f"{name} two ", 2)
        await inner

    first, second = asyncio.create_task(nests("a")), asyncio.create_task(nests("b"))
    await steps("main ", 3)
    await first
    await second


@program
async def timers_in_the_past(say: Say) -> None:
    loop = asyncio.get_running_loop()
    now = loop.time()
    loop.call_soon(say, "before")
    for ago in (1, 3, 2):
        loop.call_at(now - ago, say, f"{ago} s ago")
    for name in "ab":
        loop.call_at(now - 2, say, f"2 s ago, too: {name}")
    loop.call_later(0, say, "no delay")
    loop.call_soon(say, "after")
    await asyncio.sleep(-1)
    say("main")
    await asyncio.sleep(0.005)


@program
async def handles_that_are_cancelled(say: Say) -> None:
    loop = asyncio.get_running_loop()
    at = loop.time() + 0.005
    doomed: list[asyncio.Handle] = []

    def cancels(name: str) -> None:
        say(name)
        for handle in doomed:
            handle.cancel()
        doomed.clear()

    loop.call_at(at, cancels, "a timer cancels")
    same = loop.call_at(at, say, "never")
    before = loop.call_at(at + 0.005, say, "never")
    loop.call_at(at + 0.01, say, "last")
    soon = loop.call_soon(say, "never")
    soon.cancel()
    soon.cancel()
    loop.call_soon(cancels, "a callback cancels")
    doomed.append(loop.call_soon(say, "never"))
    loop.call_soon(say, "stays")
    await asyncio.sleep(0)
    doomed += [same, before]
    await asyncio.sleep(0.03)
    say(f"{soon.cancelled()} {same.cancelled()} {before.cancelled()}")


@program
async def timers_that_set_timers(say: Say) -> None:
    loop = asyncio.get_running_loop()
    start = loop.time()

    def at(milliseconds: int, name: str, then: int = 0) -> None:
        def due() -> None:
            say(name)
            loop.call_soon(say, f"soon after {name}")
            if then:
                at(then, f"{name}, {then}")

        loop.call_at(start + milliseconds / 1000, due)

    at(50, "at 50")
    at(5, "at 5", then=30)
    at(5, "at 5, again", then=5)
    at(70, "at 70", then=60)
    await asyncio.sleep(0.1)


@program
async def groups(say: Say) -> None:
    async def child(name: str, turns: int) -> str:
        for _ in range(turns):
            await asyncio.sleep(0)
        say(name)
        return name

    async with asyncio.TaskGroup() as outer:
        made = [outer.create_task(child(f"outer {turns}", turns)) for turns in (3, 1, 2)]

        async def adopts() -> None:
            outer.create_task(child("adopted", 1))
            async with asyncio.TaskGroup() as inner:
                inner.create_task(child("inner", 2))
            say("inner is over")

        outer.create_task(adopts())
        say("body")
    say(str([task.result() for task in made]))


@program
async def a_group_whose_body_fails(say: Say) -> None:
    async def child() -> None:
        try:
            await asyncio.sleep(10)
        except asyncio.CancelledError:
            say("child leaves")
            raise LookupError("child") from None

    try:
        async with asyncio.TaskGroup() as outer:
            outer.create_task(child())
            async with asyncio.TaskGroup():
                await asyncio.sleep(0)
                say("body fails")
                raise KeyError("body")
    except* LookupError as errors:
        say(repr(errors))


@program
async def a_group_that_is_cancelled(say: Say) -> None:
    async def child() -> None:
        try:
            await asyncio.sleep(10)
        finally:
            say("child leaves")

    async def whole() -> None:
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(child())
        finally:
            say("the group is left")

    task = asyncio.create_task(whole())
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    task.cancel("from outside")
    try:
        await task
    except asyncio.CancelledError as error:
        say(f"cancelled {error.args}")


@program
async def timeouts_in_timeouts(say: Say) -> None:
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(10) as outer:
            try:
                async with asyncio.timeout(0.005) as inner:
                    await asyncio.sleep(10)
            except TimeoutError:
                say(f"inner {inner.expired()} {outer.expired()}")
            outer.reschedule(loop.time() + 0.005)
            await asyncio.sleep(10)
    except TimeoutError:
        say(f"outer {outer.expired()}")
    try:
        async with asyncio.timeout_at(loop.time() - 1):
            say("goes on until it waits")
            await asyncio.sleep(0)
            say("never")
    except TimeoutError:
        say("late from the start")
    async with asyncio.timeout(None) as never:
        await asyncio.sleep(0)
    say(str(never.when()))


@program
async def waits_for_one(say: Say) -> None:
    async def slow() -> None:
        try:
            await asyncio.sleep(10)
        finally:
            say("told to stop")
            await asyncio.sleep(0.005)
            say("stops")

    async def fails() -> None:
        await asyncio.sleep(0)
        raise LookupError("no")

    done: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    done.set_result("was done")
    say(await asyncio.wait_for(done, 0))
    say(await asyncio.wait_for(asyncio.sleep(0, "no limit"), None))
    for coroutine, limit in ((slow(), 0.005), (fails(), 10), (asyncio.sleep(10), 0)):
        try:
            await asyncio.wait_for(coroutine, limit)
        except (TimeoutError, LookupError) as error:
            say(type(error).__name__)
    waiter = asyncio.create_task(asyncio.wait_for(slow(), 10))
    await asyncio.sleep(0.005)
    waiter.cancel()
    with suppress(asyncio.CancelledError):
        await waiter
    say(f"cancelled {waiter.cancelled()}")


@program
async def gathers(say: Say) -> None:
    async def child(name: str, turns: int, fails: bool = False) -> str:
        try:
            for _ in range(turns):
                await asyncio.sleep(0)
        except asyncio.CancelledError:
            say(f"{name} cancelled")
            raise
        say(name)
        if fails:
            raise LookupError(name)
        return name

    goes_on = asyncio.create_task(child("goes on", 5))
    try:
        await asyncio.gather(goes_on, child("first", 2, True), child("second", 3, True))
    except LookupError as error:
        say(f"raised {error}")
    await goes_on
    once = asyncio.create_task(child("once", 1))
    say(str(await asyncio.gather(once, child("b", 0), once, child("c", 2))))
    both = asyncio.gather(child("x", 9), child("y", 9))
    await asyncio.sleep(0)
    both.cancel()
    with suppress(asyncio.CancelledError):
        await both
    gone = asyncio.create_task(child("gone", 9))
    asyncio.get_running_loop().call_soon(gone.cancel)
    found = await asyncio.gather(gone, child("d", 1, True), return_exceptions=True)
    say(str([repr(one) for one in found]))
    say(str(await asyncio.gather()))


@program
async def shields(say: Say) -> None:
    async def works(name: str) -> str:
        for number in range(3):
            say(f"{name} {number}")
            await asyncio.sleep(0)
        return name

    inner = asyncio.create_task(works("inner"))

    async def guarded() -> None:
        try:
            await asyncio.shield(inner)
        except asyncio.CancelledError:
            say(f"outer cancelled, inner done: {inner.done()}")
            raise

    outer = asyncio.create_task(guarded())
    await asyncio.sleep(0)
    outer.cancel()
    await asyncio.wait([outer])
    say(await inner)
    doomed = asyncio.create_task(works("doomed"))
    shield = asyncio.shield(doomed)
    await asyncio.sleep(0)
    doomed.cancel()
    try:
        await shield
    except asyncio.CancelledError:
        say(f"the shield too: {shield.cancelled()}")


@program
async def queues_that_are_full(say: Say) -> None:
    queue: asyncio.Queue[str] = asyncio.Queue(1)

    async def puts(name: str) -> None:
        await queue.put(name)
        say(f"put {name}")

    async def gets(name: str) -> None:
        say(f"{name} got {await queue.get()}")

    putters = [asyncio.create_task(puts(name)) for name in "abcd"]
    await asyncio.sleep(0)
    putters[1].cancel()
    await asyncio.sleep(0)
    getters = [asyncio.create_task(gets(name)) for name in "xyz"]
    waits = asyncio.create_task(gets("never"))
    await asyncio.wait([*getters, *putters])
    waits.cancel()
    await asyncio.wait([waits])
    say(f"{queue.qsize()} left, {waits.cancelled()}")
    with suppress(asyncio.QueueEmpty):
        say(queue.get_nowait())
    ordered: asyncio.PriorityQueue[int] = asyncio.PriorityQueue()
    stacked: asyncio.LifoQueue[int] = asyncio.LifoQueue()
    for number in (3, 1, 2):
        ordered.put_nowait(number)
        await stacked.put(number)
    say(str([(await ordered.get(), await stacked.get()) for _ in range(3)]))


@program
async def waiters_that_are_cancelled(say: Say) -> None:
    lock, gate = asyncio.Lock(), asyncio.BoundedSemaphore(1)

    async def works(name: str) -> None:
        try:
            async with lock:
                say(f"{name} locked")
                await asyncio.sleep(0)
            async with gate:
                say(f"{name} inside")
                await asyncio.sleep(0)
        except asyncio.CancelledError:
            say(f"{name} leaves")
            raise

    made = [asyncio.create_task(works(name)) for name in "abcde"]
    await asyncio.sleep(0)
    made[1].cancel()
    await asyncio.sleep(0)
    made[2].cancel()
    for _ in range(3):
        await asyncio.sleep(0)
    made[3].cancel()
    await asyncio.gather(*made, return_exceptions=True)
    say(f"{lock.locked()} {gate.locked()}")
    with suppress(ValueError):
        gate.release()
        say("never")


@program
async def conditions(say: Say) -> None:
    condition = asyncio.Condition()
    stock = 0

    async def takes(name: str, count: int) -> None:
        nonlocal stock
        async with condition:
            await condition.wait_for(lambda: stock >= count)
            stock -= count
            say(f"{name} took {count}")
            condition.notify()

    made = [asyncio.create_task(takes(name, count)) for name, count in (("a", 3), ("b", 1))]
    made += [asyncio.create_task(takes(name, count)) for name, count in (("c", 2), ("d", 1))]
    for _ in range(3):
        await asyncio.sleep(0)
        async with condition:
            stock += 2
            say(f"{stock} there")
            condition.notify_all()
    async with condition:
        stock += 1
        condition.notify_all()
    await asyncio.gather(*made)
    say(f"{stock} left")


@program
async def events(say: Say) -> None:
    event = asyncio.Event()

    async def waits(name: str) -> None:
        say(f"{name} {await event.wait()} {event.is_set()}")
        await asyncio.sleep(0)
        say(f"{name} again {await event.wait()}")

    made = [asyncio.create_task(waits(name)) for name in "abc"]
    await asyncio.sleep(0)
    made[1].cancel()
    event.set()
    event.clear()
    say("set and cleared")
    await asyncio.sleep(0)
    asyncio.get_running_loop().call_later(0.005, event.set)
    await asyncio.gather(*made, return_exceptions=True)


@program
async def barriers(say: Say) -> None:
    barrier = asyncio.Barrier(2)

    async def meets(name: str) -> None:
        place = await barrier.wait()
        say(f"{name} is number {place}")

    await asyncio.gather(*(meets(name) for name in "abcd"))
    waits = asyncio.create_task(meets("e"))
    await asyncio.sleep(0)
    await barrier.abort()
    try:
        await waits
    except asyncio.BrokenBarrierError:
        say("broken")


@program
async def contexts_of_callbacks(say: Say) -> None:
    variable = contextvars.ContextVar("variable", default="unset")
    loop = asyncio.get_running_loop()
    own = contextvars.copy_context()
    own.run(variable.set, "own")

    def tell(what: str) -> None:
        say(f"{what}: {variable.get()}")

    async def child(what: str) -> None:
        tell(what)
        variable.set(f"set by {what}")
        await asyncio.sleep(0)
        tell(what)

    variable.set("main's")
    loop.call_soon(tell, "call_soon", context=own)
    loop.call_later(0, tell, "call_later")
    task = asyncio.create_task(child("task with a context"), context=own)
    inherits = asyncio.create_task(child("task"))
    task.add_done_callback(lambda _: tell("done"))
    inherits.add_done_callback(lambda _: tell("done, in own"), context=own)
    variable.set("later")
    await asyncio.gather(task, inherits)
    await asyncio.wait_for(child("waited for"), 10)
    tell("main")
    say(await asyncio.to_thread(variable.get))
    say(own[variable])


@program
async def generators_that_are_closed(say: Say) -> None:
    async def echoes(name: str) -> AsyncGenerator[str, str]:
        said = "nothing"
        try:
            while True:
                try:
                    said = yield f"{name} heard {said}"
                except LookupError as error:
                    said = repr(error)
                await asyncio.sleep(0)
        finally:
            await asyncio.sleep(0)
            say(f"{name} closed")

    async def noise() -> None:
        for number in range(6):
            say(f"noise {number}")
            await asyncio.sleep(0)

    other = asyncio.create_task(noise())
    one = echoes("one")
    say(await one.asend(None))  # type: ignore[arg-type]
    say(await one.asend("hello"))
    say(await one.athrow(LookupError("no")))
    await one.aclose()
    with suppress(StopAsyncIteration):
        await one.asend("never")
    left = echoes("left")
    say(await anext(left))
    await asyncio.get_running_loop().shutdown_asyncgens()
    say("shut down")
    await other


@program
async def cancellations_while_leaving(say: Say) -> None:
    async def leaves(name: str) -> None:
        try:
            await asyncio.sleep(10)
        finally:
            say(f"{name} cleans up")
            try:
                await asyncio.sleep(0)
                await asyncio.sleep(0.005)
                say(f"{name} is clean")
            except asyncio.CancelledError:
                say(f"{name} was hurried")
                raise

    once, twice = asyncio.create_task(leaves("once")), asyncio.create_task(leaves("twice"))
    never = asyncio.create_task(leaves("never"))
    never.cancel()  # before its first step
    await asyncio.sleep(0)
    for task in (once, twice):
        task.cancel("why")
    await asyncio.sleep(0)
    twice.cancel("hurry")
    for number, task in enumerate((once, twice, never)):
        try:
            await task
        except asyncio.CancelledError as error:
            say(f"{number} {error.args} {task.cancelled()}")


@program
async def cancellations_that_are_taken_back(say: Say) -> None:
    async def counts() -> str:
        task = asyncio.current_task()
        assert task is not None
        for _ in range(2):
            try:
                await asyncio.sleep(10)
            except asyncio.CancelledError:
                say(f"asked {task.cancelling()}, left {task.uncancel()}")
        async with asyncio.timeout(10):
            await asyncio.sleep(0)
        return "stayed"

    task = asyncio.create_task(counts())
    await asyncio.sleep(0)
    say(f"{task.cancel()} {task.cancel()} {task.cancelling()}")
    await asyncio.sleep(0)
    task.cancel()
    say(await task)
    say(f"{task.cancel()} {task.cancelled()}")


@program
async def a_timeout_and_a_cancellation_at_once(say: Say) -> None:
    async def waits() -> None:
        try:
            async with asyncio.timeout(0.005):
                try:
                    await asyncio.sleep(10)
                finally:
                    say("timed out")
                    task.cancel("from outside")
                    await asyncio.sleep(0)
        except TimeoutError:
            say("never")

    task = asyncio.create_task(waits())
    try:
        await task
    except asyncio.CancelledError:
        say(f"cancelled {task.cancelling()}")
    say(str(task.cancelled()))


@program
async def executors_of_ones_own(say: Say) -> None:
    loop = asyncio.get_running_loop()
    variable = contextvars.ContextVar("variable", default="unset")
    variable.set("main's")
    with ThreadPoolExecutor(1) as pool:
        say(await loop.run_in_executor(pool, "{} {}".format, "with", "arguments"))
        say(await loop.run_in_executor(pool, variable.get))
        say(str(await asyncio.gather(*(loop.run_in_executor(pool, int, one) for one in "123"))))
        try:
            await loop.run_in_executor(pool, int, "x")
        except ValueError:
            say("raised")
    say(await asyncio.to_thread(lambda: variable.get()))
    say(await asyncio.wait_for(asyncio.to_thread(str.upper, "in time"), 10))


@program
async def first_come_first_served(say: Say) -> None:
    async def after(turns: int, fails: bool = False) -> str:
        for _ in range(turns):
            await asyncio.sleep(0)
        if fails:
            raise LookupError(str(turns))
        return str(turns)

    made = [asyncio.create_task(after(turns, turns == 4)) for turns in (6, 2, 4)]
    for first in asyncio.as_completed(made):
        try:
            say(await first)
        except LookupError as error:
            say(repr(error))
    try:
        for first in asyncio.as_completed([after(1), asyncio.sleep(10, "never")], timeout=0.05):
            say(await first)
    except TimeoutError:
        say("too late")
    for task in asyncio.all_tasks() - {asyncio.current_task()}:
        task.cancel()
        await asyncio.wait([task])


@program
async def waits_until(say: Say) -> None:
    async def after(turns: int, fails: bool = False) -> int:
        for _ in range(turns):
            await asyncio.sleep(0)
        if fails:
            raise LookupError(str(turns))
        say(f"{turns} turns")
        return turns

    def made() -> list[asyncio.Task[int]]:
        return [asyncio.create_task(after(turns, turns == 2)) for turns in (1, 2, 5)]

    for until in (asyncio.FIRST_COMPLETED, asyncio.FIRST_EXCEPTION, asyncio.ALL_COMPLETED):
        tasks = made()
        await asyncio.wait(tasks, return_when=until)
        say(f"{until}: {[task.done() for task in tasks]}")
        await asyncio.wait(tasks)
        say(repr(tasks[1].exception()))
    forever = asyncio.create_task(asyncio.sleep(10))
    done, pending = await asyncio.wait([forever], timeout=0.005)
    say(f"{len(done)} {len(pending)} {forever.done()}")
    forever.cancel()


@program
async def calls_from_the_loops_own_thread(say: Say) -> None:
    loop = asyncio.get_running_loop()

    async def child() -> str:
        say("child")
        await asyncio.sleep(0)
        return "child's"

    loop.call_soon(say, "a")
    loop.call_soon_threadsafe(say, "b")
    loop.call_soon(lambda: loop.call_soon_threadsafe(say, "nested"))
    loop.call_soon_threadsafe(say, "never").cancel()
    future = asyncio.run_coroutine_threadsafe(child(), loop)
    loop.call_soon(say, "c")
    await asyncio.sleep(0)
    say("main")
    say(await asyncio.wrap_future(future))


@program
async def exceptions_in_callbacks(say: Say) -> None:
    loop = asyncio.get_running_loop()

    def handle(own: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        say(f"{context['exception']!r} {own is loop} {sorted(context)}")

    def fails(*args: object) -> None:
        raise LookupError(len(args))

    loop.set_exception_handler(handle)
    future: asyncio.Future[None] = loop.create_future()
    for callback in (lambda _: say("before"), fails, lambda _: say("after")):
        future.add_done_callback(callback)
    loop.call_soon(fails, 1, 2)
    loop.call_later(0.005, fails)
    loop.call_later(0.006, say, "the next timer")
    future.set_result(None)
    say("main")
    await asyncio.sleep(0.03)
    loop.call_exception_handler({"message": "by hand", "exception": KeyError("k")})


@program
async def done_callbacks(say: Say) -> None:
    loop = asyncio.get_running_loop()
    future: asyncio.Future[str] = loop.create_future()

    def never(_: "asyncio.Future[str]") -> None:
        say("never")

    async def waits(name: str) -> None:
        say(f"{name} got {await future}")

    waiters = [asyncio.create_task(waits(name)) for name in "ab"]
    future.add_done_callback(lambda _: say("before the waiters"))
    await asyncio.sleep(0)
    future.add_done_callback(never)
    future.add_done_callback(lambda one: one.add_done_callback(lambda _: say("nested")))
    future.add_done_callback(never)
    future.add_done_callback(lambda _: say("behind the waiters"))
    say(str(future.remove_done_callback(never)))
    loop.call_soon(say, "ready before")
    future.set_result("result")
    loop.call_soon(say, "ready behind")
    future.add_done_callback(lambda _: say("of what is done"))
    await asyncio.gather(*waiters)
    say(str(future.done()))


@program
async def streams(say: Say) -> None:
    reader = asyncio.StreamReader(limit=16)
    loop = asyncio.get_running_loop()

    async def reads() -> None:
        say(str(await reader.readline()))
        say(str(await reader.readexactly(4)))
        say(str(await reader.readuntil(b";")))
        try:
            await reader.readexactly(9)
        except asyncio.IncompleteReadError as error:
            say(f"{error.partial!r} only")
        say(f"{await reader.read()!r} {reader.at_eof()}")

    task = asyncio.create_task(reads())
    for number, data in enumerate((b"li", b"ne\nfo", b"urto;re", b"st"), 1):
        loop.call_later(number / 200, reader.feed_data, data)
        loop.call_later(number / 200, say, f"fed {data!r}")
    loop.call_later(0.03, reader.feed_eof)
    await task


@program
async def tasks_of_a_factory(say: Say) -> None:
    loop = asyncio.get_running_loop()

    def factory(
        own: asyncio.AbstractEventLoop, coroutine: Any, **kwargs: Any
    ) -> "asyncio.Task[Any]":
        say(f"makes {coroutine.__name__}")
        return asyncio.Task(coroutine, loop=own, **kwargs)

    async def child() -> str:
        say("child")
        await asyncio.sleep(0)
        return "child's"

    loop.set_task_factory(factory)
    async with asyncio.TaskGroup() as group:
        task = group.create_task(child(), name="called")
        say("made")
    say(f"{task.result()} {task.get_name()}")
    say(str(await asyncio.gather(child(), child())))
    loop.set_task_factory(None)


if sys.version_info >= (3, 12):

    @program
    async def tasks_that_start_at_once(say: Say) -> None:
        async def child(name: str, turns: int) -> str:
            for turn in range(turns):
                say(f"{name}{turn}")
                await asyncio.sleep(0)
            return name

        asyncio.get_running_loop().set_task_factory(asyncio.eager_task_factory)
        made = [asyncio.create_task(child(name, turns)) for turns, name in enumerate("abc")]
        say(f"made {[task.done() for task in made]}")
        async with asyncio.TaskGroup() as group:
            group.create_task(child("d", 2))
            say("body")
        say(str(await asyncio.gather(*made)))


class Watching(selectors.DefaultSelector):
    """What the selector loop takes by itself; it notes for how long the loop was held up at most.

    A loop that is held up finds several timers due in one turn, which is another order.
    """

    def __init__(self) -> None:
        super().__init__()
        self.held_up_s = 0.0
        self._left = time.monotonic()

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        entered = time.monotonic()
        found = super().select(timeout)
        held_up = entered - self._left
        self._left = time.monotonic()
        if timeout is not None:
            held_up = max(held_up, self._left - entered - max(timeout, 0))
        self.held_up_s = max(self.held_up_s, held_up)
        return found


def on_asyncio(main: Program) -> tuple[list[str], float]:
    """Return what a program says on asyncio's own loop, and for how long that was held up."""
    said: list[str] = []

    async def whole() -> None:
        await main(said.append)

    selector = Watching()
    with asyncio.Runner(loop_factory=lambda: asyncio.SelectorEventLoop(selector)) as runner:
        runner.run(whole())
    return said, selector.held_up_s


def simulated(main: Program, prepare: Callable[[SimLoop], None] = lambda loop: None) -> list[str]:
    said: list[str] = []

    async def whole() -> None:
        await main(said.append)

    def run(loop: SimLoop) -> Ending:
        prepare(loop)
        loop.run_until_complete(whole())
        return Ending.COMPLETED

    assert run_once(AppJob(run, Fifo(), Bounds())).ending is Ending.COMPLETED
    return said


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_program_says_the_same_in_the_same_order_as_on_asyncios_own_loop(name: str) -> None:
    said = simulated(PROGRAMS[name])
    assert len(said) >= 3
    assert "never" not in said
    for _ in range(ATTEMPTS):
        real, held_up_s = on_asyncio(PROGRAMS[name])
        if real == said or held_up_s < PUNCTUAL_S:
            break
    assert said == real


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_program_says_the_same_in_every_run(name: str) -> None:
    assert simulated(PROGRAMS[name]) == simulated(PROGRAMS[name])


class LastFirst(deque[Any]):
    """A ready queue that hands out what came last."""

    def popleft(self) -> Any:
        return self.pop()


def test_a_loop_that_runs_the_last_callback_first_is_found_out() -> None:
    def spoil(loop: SimLoop) -> None:
        loop.ready_queue = LastFirst(loop.ready_queue)

    for main in (calls_soon, tasks, done_callbacks, sleeps_of_nothing, timers_in_the_past):
        assert simulated(main, spoil) != simulated(main)


def ended(main: Callable[[], Awaitable[None]]) -> End:
    def run(loop: SimLoop) -> Ending:
        async def whole() -> None:
            await main()

        loop.run_until_complete(whole())
        return Ending.COMPLETED

    return run_once(AppJob(run, Fifo(), Bounds()))


@pytest.mark.parametrize("sleeps", [1, 60])
def test_an_hour_of_sleep_moves_the_clock_by_an_hour_in_a_few_turns(sleeps: int) -> None:
    clock: list[float] = []

    async def main() -> None:
        clock.append(asyncio.get_running_loop().time())
        for _ in range(sleeps):
            await asyncio.sleep(3600 / sleeps)
        clock.append(asyncio.get_running_loop().time())

    end = ended(main)
    assert end.ending is Ending.COMPLETED
    assert clock[1] - clock[0] == 3600
    assert end.tick == 3600 << 20, "ticks of 2**-20 s"
    assert end.steps <= 2 * sleeps + 3


def test_whoever_waits_for_nothing_for_ever_stands_still_at_once() -> None:
    async def main() -> None:
        await asyncio.Event().wait()

    end = ended(main)
    assert (end.ending, end.tick) == (Ending.DEADLOCK, 0)
    assert end.steps <= 3
