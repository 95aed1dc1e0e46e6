"""Before Python 3.13 a frame keeps the copy of its variables that somebody has asked for.

So what a coroutine had let go of lived on because its state had been told, and a second look found
the copy, too: one state counted as two, told after others or at first.
"""

import asyncio
import weakref
from collections.abc import Callable

import pytest

from sim.aio.loop import SimLoop
from sim.aio.session import AppJob, ready
from sim.aio.state import States
from sim.kernel.series import run_once
from sim.model.app import Bounds
from sim.model.record import Ending
from sim.runs.app import AppSubject
from sim.schedulers.fifo import Fifo
from tests.helpers.applications import subject


class LooksFrom(Fifo):
    """Is shown each state from the n-th one on."""

    def __init__(self, first: int) -> None:
        self.turn = 0
        self.first = first
        self.told: dict[int, object] = {}

    @property
    def on_new_ground(self) -> bool:
        self.turn += 1
        return self.turn >= self.first

    def visit(self, tell: Callable[[], object]) -> bool:
        self.told[self.turn] = tell()
        return False


def states(one: AppSubject, first: int) -> dict[int, object]:
    scheduler = LooksFrom(first)
    run_once(one.job(scheduler))
    return scheduler.told


@pytest.mark.parametrize(
    "one",
    [
        subject("plain:ticker", "send:a, drop"),
        subject("rooms:app", *["/room/{name} send:a, close"] * 2, bounds=Bounds(start="open")),
        subject("rooms:app", "/news send:a, send:b, close"),
        subject("guarded:app", "/closes silent"),
    ],
    ids=lambda one: one.words(),
)
def test_a_state_is_the_same_whether_those_before_it_were_told_or_not(one: AppSubject) -> None:
    with ready():
        states(one, 0)
        every = states(one, 0)
        for first in sorted(every)[:25]:
            assert states(one, first) == {turn: every[turn] for turn in every if turn >= first}


def test_what_a_coroutine_lets_go_of_dies_though_its_state_was_told() -> None:
    class Held:
        """Something that can be watched."""

    alive: list[bool] = []

    async def lets_go() -> None:
        held = Held()
        watched = weakref.ref(held)
        await asyncio.sleep(1)
        del held
        await asyncio.sleep(1)
        alive.append(watched() is not None)

    def program(loop: SimLoop) -> Ending:
        known = States()
        task = loop.create_task(lets_go())
        loop.call_later(0.5, lambda: known.of([], [task]))
        loop.run_until_complete(task)
        return Ending.COMPLETED

    run_once(AppJob(program, Fifo(), Bounds()))
    assert alive == [False]
