"""The port on Trio: how many turns a receive costs, when it times out, and who hears of errors.

Turns are counted by a task that steps first in each of them, as a callback of asyncio's loop would.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st

from sim.kernel.order import Order
from sim.kernel.waiters import Waiters
from sim.kernel.world import Job, World
from sim.model.names import RUNTIMES
from sim.model.record import End, Ending
from sim.model.ticks import from_ms
from sim.runtimes.port import ORDERS, Pause, TrioRuntime, has_hop
from sim.runtimes.port import Pauses as Counted
from sim.schedulers.fifo import Fifo
from tests.helpers.running import run_once

Act = Callable[["Port"], Awaitable[object]]
Pauses = Mapping[str, Pause]
hop_or_not = pytest.mark.parametrize("hop", [True, False])


class Port:
    """A runtime in a world, and a count of turns."""

    def __init__(self, world: World, nursery: trio.Nursery, hop: bool, pauses: Pauses) -> None:
        self.world = world
        self.nursery = nursery
        self.turn = 0
        self.probes: list[str] = []
        self.runtime = TrioRuntime(world, "c1", nursery, hop, pauses, self.probes.append)

    async def count(self) -> None:
        """Count turns, but not for ever: time stands still while somebody is runnable."""
        for _ in range(50):
            self.turn += 1
            await trio.lowlevel.checkpoint()


def play(act: Act, hop: bool = True, pauses: Pauses | None = None) -> End:
    async def program(world: World) -> object:
        async with trio.open_nursery() as nursery:
            port = Port(world, nursery, hop, pauses or {})
            nursery.start_soon(port.count, name="turns")
            await trio.lowlevel.checkpoint()
            result = await act(port)
            nursery.cancel_scope.cancel()
            return result
        raise AssertionError("unreachable")

    end = run_once(program, job=Job(program, Fifo(), order=Order.FIFO))
    assert end.ending is Ending.COMPLETED, end.error
    return end


def result(act: Act, hop: bool = True, pauses: Pauses | None = None) -> Any:
    return play(act, hop, pauses).result


async def turns_of(port: Port, in_place: bool, hops: int) -> tuple[int, int]:
    """Return the turns before the receive's own start, and after its own end."""
    inside: list[int] = []

    async def receiving() -> None:
        inside.append(port.turn)
        for _ in range(hops):
            await trio.lowlevel.checkpoint()
        inside.append(port.turn)

    before = port.turn
    await port.runtime.receive(receiving, 1000, in_place)
    return inside[0] - before, port.turn - inside[1]


@pytest.mark.parametrize("hops", [0, 1, 5])
def test_wait_for_costs_one_turn_in_and_two_back(hops: int) -> None:
    assert result(lambda port: turns_of(port, False, hops)) == (1, 2)


@pytest.mark.parametrize("hops", [0, 1, 5])
@pytest.mark.parametrize(("hop", "in_place"), [(True, True), (False, False), (False, True)])
def test_a_timeout_in_place_costs_no_turn(hop: bool, in_place: bool, hops: int) -> None:
    assert result(lambda port: turns_of(port, in_place, hops), hop) == (0, 0)


def test_a_result_that_is_there_already_costs_the_same_turns() -> None:
    async def act(port: Port) -> list[object]:
        async def receiving() -> str:
            return f"turn {port.turn}"

        start = port.turn
        value = await port.runtime.receive(receiving, 1000, False)
        return [value, port.turn - start]

    assert result(act) == ["turn 2", 3]


def test_the_runtime_alone_says_whether_there_is_a_hop() -> None:
    assert [name for name in RUNTIMES if has_hop(name)] == ["asyncio-3.11"]
    assert [name for name in RUNTIMES if has_hop(name, True)] == ["asyncio-3.11", "any-order"]


def test_each_runtime_leaves_its_own_order_open() -> None:
    assert set(ORDERS) == set(RUNTIMES)
    orders = [ORDERS[name] for name in RUNTIMES]
    assert orders == [Order.FIFO, Order.FIFO, Order.BATCH, Order.ANY]


# -- timeouts --------------------------------------------------------------------------------------


async def when_it_times_out(port: Port, timeout_ms: float, in_place: bool = False) -> int:
    start = port.world.tick
    with pytest.raises(TimeoutError):
        await port.runtime.receive(trio.sleep_forever, timeout_ms, in_place)
    return port.world.tick - start


@hop_or_not
@given(timeout_ms=st.one_of(st.integers(1, 200_000), st.floats(0.001, 200_000)))
def test_a_receive_times_out_at_the_exact_tick(hop: bool, timeout_ms: float) -> None:
    took = result(lambda port: when_it_times_out(port, timeout_ms), hop)
    assert took == from_ms(timeout_ms)


def test_it_times_out_in_place_too_where_there_is_a_hop() -> None:
    assert result(lambda port: when_it_times_out(port, 20, True)) == from_ms(20)


@hop_or_not
@pytest.mark.parametrize(("comes", "there"), [(9, True), (10, True), (11, False)])
def test_a_result_of_the_same_tick_is_in_time(hop: bool, comes: int, there: bool) -> None:
    """The sender goes to sleep first, so it wakes before the timeout does."""

    async def act(port: Port) -> str:
        box = Waiters()

        async def receiving() -> str:
            await box.park()
            return "in time"

        port.world.wake_at(from_ms(comes), box)
        try:
            return await port.runtime.receive(receiving, 10, False)
        except TimeoutError:
            return "too late"

    assert result(act, hop) == ("in time" if there else "too late")


@hop_or_not
def test_a_timed_out_receive_takes_nothing_that_comes_later(hop: bool) -> None:
    async def act(port: Port) -> int:
        box, taken = Waiters(), 0

        async def receiving() -> None:
            nonlocal taken
            await box.park()
            taken += 1

        with pytest.raises(TimeoutError):
            await port.runtime.receive(receiving, 10, False)
        box.wake_all()
        await port.runtime.sleep(1)
        return taken

    assert result(act, hop) == 0


@hop_or_not
def test_a_receive_that_came_in_time_leaves_no_timeout_behind(hop: bool) -> None:
    async def program(world: World) -> None:
        async def receiving() -> None:
            return None

        async with trio.open_nursery() as nursery:
            await Port(world, nursery, hop, {}).runtime.receive(receiving, 10, False)
            await trio.sleep_forever()

    end = run_once(program, job=Job(program, Fifo(), order=Order.FIFO))
    assert (end.ending, end.tick) == (Ending.DEADLOCK, 0)


# -- errors and cancellation -----------------------------------------------------------------------


@hop_or_not
@pytest.mark.parametrize("hops", [0, 2])
@pytest.mark.parametrize("error", [RuntimeError("mine"), OSError("mine"), TimeoutError("mine")])
def test_an_error_of_the_receive_comes_through(hop: bool, hops: int, error: Exception) -> None:
    async def act(port: Port) -> Exception:
        async def receiving() -> None:
            for _ in range(hops):
                await trio.lowlevel.checkpoint()
            raise error

        with pytest.raises(type(error)) as caught:
            await port.runtime.receive(receiving, 1000, False)
        return caught.value

    assert result(act, hop) is error


@hop_or_not
def test_cancelling_the_caller_cancels_the_receive(hop: bool) -> None:
    async def act(port: Port) -> list[str]:
        log: list[str] = []

        async def receiving() -> None:
            try:
                await trio.sleep_forever()
            finally:
                log.append("receive over")

        async def calls() -> None:
            try:
                await port.runtime.receive(receiving, 1000, False)
            finally:
                log.append("caller over")

        task = port.runtime.start(calls, "caller")
        await port.runtime.sleep(5)
        assert log == []
        port.runtime.cancel(task)
        await port.runtime.sleep(0)
        await port.runtime.sleep(0)
        return sorted(log)

    assert result(act, hop) == ["caller over", "receive over"]


def test_a_started_task_runs_from_the_next_turn_on() -> None:
    async def act(port: Port) -> list[int]:
        ran: list[int] = []

        async def task() -> None:
            ran.append(port.turn)

        port.runtime.start(task, "task")
        ran.append(port.turn)
        await port.runtime.sleep(1)
        return [ran[1] - ran[0]]

    assert result(act) == [1]


def test_a_cancelled_task_ends_and_nothing_is_recorded() -> None:
    async def act(port: Port) -> list[str]:
        log: list[str] = []

        async def task() -> None:
            try:
                await trio.sleep_forever()
            finally:
                log.append("over")

        handle = port.runtime.start(task, "task")
        await port.runtime.sleep(1)
        port.runtime.cancel(handle)
        await port.runtime.sleep(0)
        port.runtime.cancel(handle)  # once more does no harm
        return log

    end = play(act)
    assert end.result == ["over"]
    assert end.events == ()


def test_a_failing_task_is_recorded_and_ends_nothing_else() -> None:
    async def act(port: Port) -> str:
        log: list[str] = []

        async def fails() -> None:
            raise ValueError("mine")

        async def lives() -> None:
            await port.runtime.sleep(5)
            log.append("alive")

        port.runtime.start(fails, "failing")
        port.runtime.start(lives, "living")
        await port.runtime.sleep(10)
        return log[0]

    end = play(act)
    assert end.result == "alive"
    (event,) = end.events
    assert event.kind == "task.raised"
    assert event.values == {"connection": "c1", "task": "failing", "error": "ValueError"}


# -- the rest of the port --------------------------------------------------------------------------


def test_sleeping_takes_whole_ticks_and_no_time_is_one_turn() -> None:
    async def act(port: Port) -> list[int]:
        before = port.turn
        await port.runtime.sleep(0)
        turns = port.turn - before
        await port.runtime.sleep(2.5)
        return [turns, port.world.tick]

    assert result(act) == [1, from_ms(2.5)]


@pytest.mark.parametrize(
    ("pause", "turns", "ticks"), [(Pause(hops=3), 3, 0), (Pause(ticks=7), None, 7), (None, 0, 0)]
)
def test_a_pause_is_so_many_turns_or_ticks(
    pause: Pause | None, turns: int | None, ticks: int
) -> None:
    async def act(port: Port) -> tuple[int, int]:
        turn, tick = port.turn, port.world.tick
        await port.runtime.pause("top")
        return port.turn - turn, port.world.tick - tick

    took = result(act, pauses={"top": pause} if pause else {"validated": Pause(hops=1)})
    assert took[1] == ticks
    assert turns in (took[0], None)


def test_now_is_the_virtual_time_in_milliseconds() -> None:
    async def act(port: Port) -> list[float]:
        first = port.runtime.now()
        await port.runtime.sleep(1000)
        return [first, port.runtime.now()]

    assert result(act) == [0, 1000]


def test_logs_probes_and_records_are_events_that_name_the_connection() -> None:
    async def act(port: Port) -> list[str]:
        port.runtime.log("info", "hello")
        port.runtime.probe("top")
        port.runtime.record("sent", ok=True)
        return port.probes

    end = play(act)
    assert end.result == ["top"]
    assert [(event.kind, dict(event.values)) for event in end.events] == [
        ("log", {"connection": "c1", "level": "info", "text": "hello"}),
        ("probe", {"connection": "c1", "at": "top"}),
        ("sent", {"connection": "c1", "ok": True}),
    ]


def test_a_probe_adds_no_turn() -> None:
    async def act(port: Port) -> int:
        before = port.turn
        port.runtime.probe("top")
        return port.turn - before

    assert result(act) == 0


def test_reads_and_writes_are_noted_in_the_step_that_made_them() -> None:
    async def program(world: World) -> None:
        async with trio.open_nursery() as nursery:
            runtime = TrioRuntime(world, "c1", nursery, False, {}, lambda name: None)
            runtime.note("c1.machine", False)
            await runtime.sleep(0)
            runtime.note("c1.machine", True)

    end = run_once(program, job=Job(program, Fifo(), order=Order.FIFO, steps=True))
    noted = [
        [access.write for access in step.accesses if access.name == "c1.machine"]
        for step in end.trace_steps
    ]
    assert [row for row in noted if row] == [[False], [True]]


@pytest.mark.parametrize(
    ("nth", "expected"),
    [
        (frozenset[int](), [1, 1, 1, 1]),
        (frozenset({1}), [1, 0, 0, 0]),
        (frozenset({2, 4}), [0, 1, 0, 1]),
        (frozenset({9}), [0, 0, 0, 0]),
    ],
)
def test_a_pause_is_awaited_at_the_given_passings_only(
    nth: frozenset[int], expected: list[int]
) -> None:
    async def act(port: Port) -> list[int]:
        took = []
        for _ in expected:
            before = port.turn
            await port.runtime.pause("top")
            await port.runtime.pause("sending")  # another probe counts for itself
            took.append(port.turn - before)
        return took

    assert result(act, pauses={"top": Pause(hops=1, nth=nth)}) == expected


@given(st.frozensets(st.integers(1, 8)), st.lists(st.sampled_from(["a", "b", "c"]), max_size=20))
def test_each_probe_counts_its_own_passings(nth: frozenset[int], passed: list[str]) -> None:
    pause = Pause(hops=1, nth=nth)
    pauses = Counted({"a": pause, "b": Pause(ticks=1)})
    for index, probe in enumerate(passed):
        count = passed[: index + 1].count(probe)
        wanted = {"a": pause if count in nth or not nth else None, "b": Pause(ticks=1)}
        assert pauses.next(probe) == wanted.get(probe)


def test_the_passings_of_one_connection_are_not_those_of_another() -> None:
    pauses = {"top": Pause(hops=1, nth=frozenset({1}))}
    for _ in range(2):
        assert Counted(pauses).next("top") is not None
