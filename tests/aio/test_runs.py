"""Runs on the simulated system: clock, threads, refusals, output, entropy; and that they repeat."""

import asyncio
import gc
import logging
import os
import random
import sys
import threading
import time
import uuid
import weakref
from collections.abc import Awaitable, Callable
from datetime import UTC, date, datetime
from typing import Any

import pytest

from sim.aio import entropy
from sim.aio.loop import SimLoop
from sim.aio.session import AppJob, ready
from sim.kernel.series import run_once, run_search
from sim.model.app import Bounds
from sim.model.record import End, Ending
from sim.schedulers.exhaustive import Exhaustive
from sim.schedulers.fifo import Fifo

Main = Callable[[SimLoop], Awaitable[Any]]


def job(main: Main, results: list[Any], **bounds: Any) -> AppJob:
    """Return a run of a coroutine, in which everything is a choice."""

    def program(loop: SimLoop) -> Ending:
        loop.world.settles = False
        results.append(loop.run_until_complete(main(loop)))
        return Ending.COMPLETED

    return AppJob(program, Fifo(), Bounds(**bounds))


def run(main: Main, **bounds: Any) -> tuple[Any, End]:
    results: list[Any] = []
    end = run_once(job(main, results, **bounds))
    return (results[0] if results else None), end


def every(main: Main, **bounds: Any) -> list[Any]:
    """Return what a coroutine returns in each schedule."""
    results: list[Any] = []
    series = run_search(job(main, results, **bounds), Exhaustive(), lambda end: None)
    assert series.complete
    return results


async def two_timers(loop: SimLoop) -> str:
    seen: list[str] = []
    loop.call_later(0.010, seen.append, "a")
    loop.call_later(0.0105, seen.append, "b")

    async def looks() -> None:
        while len(seen) < 1:
            await asyncio.sleep(0.010)

    await looks()
    return "".join(seen)


def test_timers_within_the_grain_come_due_in_one_turn_or_not() -> None:
    assert set(every(two_timers)) == {"a", "ab"}
    assert set(every(two_timers, grain_ms=0)) == {"a"}


async def late_for_both(loop: SimLoop) -> tuple[str, ...]:
    seen: list[str] = []
    loop.call_later(0.010, seen.append, "a")
    loop.call_later(0.050, seen.append, "b")
    await asyncio.sleep(0.010)
    return tuple(seen)


def test_a_late_process_finds_timers_due_that_were_not_and_only_as_late_as_it_may_be() -> None:
    assert set(every(late_for_both)) == {("a",)}
    assert set(every(late_for_both, late=1)) == {("a",), ("a", "b")}
    assert set(every(late_for_both, late=1, stall_ms=20)) == {("a",)}


async def threads(loop: SimLoop) -> str:
    seen: list[str] = []

    async def thread() -> None:
        await loop.run_in_executor(None, lambda: None)
        seen.append("X")

    async def chain() -> None:
        for name in "abcd":
            seen.append(name)
            await asyncio.sleep(0)

    await asyncio.gather(thread(), chain())
    return "".join(seen)


def test_a_thread_lands_between_any_two_callbacks_that_tell_its_place() -> None:
    assert set(every(threads)) == {"abXcd", "abcXd", "abcdX"}


async def thread_calls_back(loop: SimLoop) -> str:
    def body() -> str:
        try:
            asyncio.run_coroutine_threadsafe(asyncio.sleep(0), loop).result(60)
        except RuntimeError as error:
            return str(error)
        return "answered"

    return await loop.run_in_executor(None, body)  # type: ignore[no-any-return]


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_a_thread_that_calls_back_into_the_loop_is_refused_and_never_waited_for() -> None:
    said, end = run(thread_calls_back)
    assert said == "a thread cannot call back into a simulated loop"
    assert end.ending is Ending.REFUSED


def opens() -> None:
    with open("never.txt", "w"):
        pass


def unlinks() -> None:
    os.remove("never.txt")


def threads_off() -> None:
    threading.Thread(target=time.time).start()


@pytest.mark.parametrize("what", [opens, unlinks, threads_off, lambda: os.system("true")])
@pytest.mark.parametrize("in_a_thread", [False, True])
def test_what_changes_the_machine_is_refused_in_threads_too(
    what: Callable[[], object], in_a_thread: bool
) -> None:
    async def main(loop: SimLoop) -> str:
        try:
            if in_a_thread:
                await asyncio.to_thread(what)
            else:
                what()
        except Exception as error:
            return type(error).__name__
        return "done"

    said, end = run(main)
    assert said == "RefusedOperation"
    assert end.ending is Ending.REFUSED
    assert not os.path.exists("never.txt")


def test_outside_of_runs_and_in_other_threads_everything_is_as_always() -> None:
    seen: list[float] = []
    stop = threading.Event()

    def watch() -> None:
        while not stop.is_set():
            seen.append(time.time())
            stop.wait(0.001)

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        said, _ = run(lambda loop: _virtual_times())
    finally:
        stop.set()
        thread.join()
    assert said == (1767225600.0, 1234567.0, 1234567.0)
    assert all(abs(one - time.time()) < 600 for one in seen)


async def _virtual_times() -> tuple[float, float, float]:
    return time.time(), time.monotonic(), time.perf_counter()


async def draws(loop: SimLoop) -> tuple[Any, ...]:
    return uuid.uuid4(), os.urandom(4), random.random(), random.SystemRandom().random()


def test_what_is_drawn_repeats_from_run_to_run_and_chance_goes_on_afterwards() -> None:
    random.seed(5)
    expected = random.random()
    random.seed(5)
    first, _ = run(draws)
    second, _ = run(draws)
    assert first == second
    assert first[0] != uuid.uuid4()
    assert random.random() == expected


async def sleeps(loop: SimLoop) -> float:
    began = loop.time()
    time.sleep(3)
    return loop.time() - began


def test_a_sleep_that_blocks_moves_the_virtual_clock() -> None:
    slept, end = run(sleeps)
    assert slept == pytest.approx(3)
    assert [event.kind for event in end.events] == ["blocked"]


async def says(loop: SimLoop) -> None:
    print("on stdout")
    print("on stderr", file=sys.stderr)
    logging.getLogger("app").error("it failed at 0x7f00")


def test_what_a_run_prints_and_logs_is_not_shown_and_stands_in_the_trace_without_addresses(
    capsys: pytest.CaptureFixture[str],
) -> None:
    _, end = run(says)
    assert capsys.readouterr() == ("", "")
    assert [(one.kind, one.values["text"]) for one in end.events] == [("log", "it failed at 0x...")]


async def for_ever(loop: SimLoop) -> None:
    await loop.create_future()


def test_what_can_never_go_on_is_a_deadlock() -> None:
    _, end = run(for_ever)
    assert end.ending is Ending.DEADLOCK


async def round_and_round(loop: SimLoop) -> None:
    while True:
        await asyncio.sleep(0)


def test_what_goes_round_without_end_ends() -> None:
    _, end = run(round_and_round)
    assert end.ending is Ending.DEADLOCK
    assert "goes round without end" in str(end.error)


async def polls(loop: SimLoop) -> str:
    done: list[int] = []
    loop.call_later(0.05, done.append, 1)
    while not done:
        await asyncio.sleep(0)
    return "done"


def test_who_polls_for_a_timer_gets_it() -> None:
    assert run(polls)[0] == "done"


async def waits_for_the_first(loop: SimLoop) -> list[str]:
    async def named(name: str) -> str:
        return name

    tasks = [asyncio.create_task(named(name)) for name in "abcdefgh"]
    done, _ = await asyncio.wait(tasks)
    return [task.result() for task in done]


def test_sets_of_tasks_are_walked_in_an_order_that_repeats() -> None:
    first, _ = run(waits_for_the_first)
    for _ in range(5):
        kept = [object() for _ in range(1000)]
        assert run(waits_for_the_first)[0] == first
        del kept


def test_whose_function_reads_the_clock_counts_and_not_its_name() -> None:
    """anyio has a `current_time`, which only hands the time on; this one asyncio calls."""
    seen: list[bool] = []

    async def main(loop: SimLoop) -> None:
        def current_time() -> None:
            loop.time()

        loop.call_soon(current_time)
        await asyncio.sleep(0)
        seen.append(loop.world.reads_clock)

    run(main)
    assert seen == [True]


def test_one_preparation_serves_many_series(monkeypatch: pytest.MonkeyPatch) -> None:
    """To look through all that lives costs dozens of runs."""
    looked: list[None] = []
    places = entropy._places

    def look() -> Any:
        looked.append(None)
        return places()

    monkeypatch.setattr(entropy, "_places", look)
    with ready():
        for _ in range(3):
            run(two_timers)
        assert time.time() != 0
    assert len(looked) == 1
    run(two_timers)
    assert len(looked) == 2
    assert gc.isenabled()


def test_what_runs_leave_is_collected_though_each_series_is_short() -> None:
    class Kept:
        """Leads to itself."""

    left: list[weakref.ref[Kept]] = []

    async def leave(loop: SimLoop) -> None:
        one = Kept()
        vars(one)["itself"] = one
        left.append(weakref.ref(one))

    with ready():
        for _ in range(120):
            run(leave)
        assert sum(one() is not None for one in left) < 60


async def dates(loop: SimLoop) -> list[str]:
    """Return what time it is, by all that reads the clock in C."""
    await asyncio.sleep(3600)
    return [
        datetime.now(UTC).isoformat(),
        str(datetime.now()),
        str(date.today()),
        time.strftime("%Y-%m-%d %H:%M", time.gmtime()),
        str(uuid.uuid1()),
        str(uuid.uuid1()),
    ]


def test_dates_are_those_of_the_run_and_equal_in_every_run() -> None:
    first, end = run(dates)
    assert first[0] == "2026-01-01T01:00:00+00:00"
    assert first[3] == "2026-01-01 01:00"
    assert first[4] != first[5]
    assert end.ending is Ending.COMPLETED
    for _ in range(3):
        assert run(dates)[0] == first


def test_outside_of_runs_dates_are_real() -> None:
    before = time.time()
    with ready():
        run(dates)
        assert before <= datetime.now().timestamp() <= time.time()
        assert before <= time.mktime(time.localtime()) + 1


def test_without_time_machine_everything_else_is_as_always(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "time_machine", None)
    assert run(two_timers)[0]
    assert run(dates)[0] != run(dates)[0]


def test_a_clock_that_is_no_c_function_is_left_to_whom_it_is(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """time-machine would write into it as if it were one."""
    real = time.time
    monkeypatch.setattr(time, "time", lambda: real() + 1)
    assert run(two_timers)[0]
    assert time.time() > real()
