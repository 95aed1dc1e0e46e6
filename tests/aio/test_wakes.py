"""Who woke whom, from where it came from outside."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace

from sim.aio.loop import SimLoop
from sim.aio.session import AppJob
from sim.aio.wakes import Wake, WakingLoop, waking
from sim.hosting.waits import name_of
from sim.kernel.series import run_once
from sim.model.app import Bounds
from sim.model.record import Ending
from sim.runs.app import AppSubject
from sim.schedulers.fifo import Fifo
from tests.helpers.applications import subject, usual


def chains(body: Callable[[list[list[Wake]]], Awaitable[None]]) -> list[list[Wake]]:
    """Run a coroutine that notes, by `noted()`, what led to the step that it is in."""
    found: list[list[Wake]] = []

    def program(loop: SimLoop) -> Ending:
        loop.run_until_complete(body(found))
        return Ending.COMPLETED

    run_once(AppJob(program, Fifo(), Bounds(), system=waking))
    return found


def now() -> list[Wake]:
    loop = asyncio.get_running_loop()
    assert isinstance(loop, WakingLoop)
    return loop.chain()


def test_a_step_that_another_task_woke_names_it() -> None:
    async def body(found: list[list[Wake]]) -> None:
        event = asyncio.Event()

        async def waits() -> None:
            await event.wait()
            found.append(now())

        async def sets() -> None:
            event.set()

        waiting = asyncio.create_task(waits())
        await asyncio.sleep(0)
        setting = asyncio.create_task(sets())
        await asyncio.gather(waiting, setting)

    (chain,) = chains(body)
    names = [name_of(one.what) for one in chain if isinstance(one.what, asyncio.Task)]
    assert [name.rpartition(".")[2] for name in names[-2:]] == ["sets", "waits"]


def test_a_timer_is_where_it_came_from() -> None:
    async def body(found: list[list[Wake]]) -> None:
        await asyncio.sleep(0.5)
        found.append(now())

    (chain,) = chains(body)
    assert [one.kind for one in chain] == ["timer", "task"]


def test_a_long_chain_is_told_by_its_beginning_and_its_end() -> None:
    async def body(found: list[list[Wake]]) -> None:
        await asyncio.sleep(0.1)
        for _ in range(20):
            await asyncio.sleep(0)
        found.append(now())

    (chain,) = chains(body)
    assert len(chain) == 4
    assert chain[0].kind == "timer"


def test_noting_it_changes_no_run() -> None:
    one: AppSubject = subject("guarded:app", "/closes send:a, close")
    assert run_once(replace(one.job(Fifo()), system=waking)).events == usual(one).events


def test_behind_a_thread_wakes_are_still_noted() -> None:
    """Threads have a ready queue of their own."""

    async def body(found: list[list[Wake]]) -> None:
        await asyncio.to_thread(int)
        found.append(now())
        await asyncio.sleep(0.5)
        found.append(now())

    first, second = chains(body)
    assert first[0].kind == "thread"
    assert [one.kind for one in second] == ["timer", "task"]
