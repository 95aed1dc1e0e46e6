"""Ctrl-C comes between two worlds, or at once if it comes twice."""

import signal
import threading

import pytest
import trio

from sim.kernel.interrupts import kept_interrupts
from sim.kernel.series import run_all, run_once
from sim.kernel.world import Job, World
from sim.model.record import End
from sim.schedulers.fifo import Fifo


def interrupt() -> None:
    signal.raise_signal(signal.SIGINT)


def test_the_world_that_runs_comes_to_its_end_and_no_other_begins() -> None:
    seen: list[str] = []

    async def run(world: World) -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(trio.lowlevel.checkpoint)
            seen.append("begins")
            interrupt()
            await trio.sleep(1)
            seen.append("ends")

    ends: list[End] = []
    with pytest.raises(KeyboardInterrupt):
        run_all([Job(run, Fifo())] * 3, ends.append)
    assert (seen, ends) == (["begins", "ends"], [])


def test_a_second_one_is_raised_at_once() -> None:
    async def run(world: World) -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(trio.sleep_forever)
            interrupt()
            interrupt()
            await trio.sleep_forever()

    with pytest.raises(KeyboardInterrupt):
        run_once(Job(run, Fifo()))


def test_what_swallows_everything_does_not_swallow_it() -> None:
    async def run(world: World) -> None:
        try:
            interrupt()
            await trio.sleep(1)
        except BaseException:
            await trio.sleep(1)

    with pytest.raises(KeyboardInterrupt):
        run_once(Job(run, Fifo()))


def test_the_handler_is_the_usual_one_afterwards() -> None:
    def keep() -> None:
        with kept_interrupts():
            interrupt()
            assert signal.getsignal(signal.SIGINT) is not signal.default_int_handler

    with pytest.raises(KeyboardInterrupt):
        keep()
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_somebody_elses_handler_and_other_threads_are_left_alone() -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with kept_interrupts() as raise_kept:
            interrupt()
            raise_kept()
    finally:
        signal.signal(signal.SIGINT, before)
    done: list[int] = []

    def work() -> None:
        async def run(world: World) -> None:
            await trio.sleep(1)

        done.append(run_once(Job(run, Fifo())).steps)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert done
