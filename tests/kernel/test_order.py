"""What is ready, and the names of options, without Trio's loop."""

import pytest

from sim.kernel.names import Known
from sim.kernel.order import Options, Order, Ready
from sim.model.record import CLOCK, LOOP
from tests.helpers.running import NOBODY


def known(*paths: str, outside: bool = False) -> list[Known]:
    return [Known(path, outside, NOBODY) for path in paths]


def ready_of(order: Order, loop: str = "", outside: str = "") -> Ready:
    """Return ready tasks with one-letter names."""
    ready = Ready(order)
    for one in (*known(*loop), *known(*outside, outside=True)):
        ready.add(one, 0)
    return ready


def test_options_read_as_the_names_of_their_tasks() -> None:
    options = Options(known("a", "b"), known("c", outside=True), LOOP)
    assert tuple(options) == ("a", "b", "c", LOOP)
    assert [options[index] for index in range(len(options))] == list(options)
    assert options[-1] == LOOP
    assert options[1:] == ("b", "c", LOOP)
    assert options.index("c") == 2
    assert "d" not in options
    with pytest.raises(IndexError):
        options[4]


def test_a_task_that_is_taken_is_ready_no_more() -> None:
    ready = ready_of(Order.ANY, "ab", "xy")
    taken = Options(ready.loop, ready.outside).take(2)
    assert isinstance(taken, Known)
    assert (taken.path, taken.ready) == ("x", False)
    assert ready.names() == ("a", "b", "y")
    assert ready.take_first().path == "a"
    assert len(ready) == 2


@pytest.mark.parametrize("last", [CLOCK, LOOP])
def test_taking_the_clock_or_the_loop_takes_no_task(last: str) -> None:
    ready = ready_of(Order.FIFO, outside="x")
    assert Options(ready.outside, last=last).take(1) == last
    assert ready.names() == ("x",)


def test_what_becomes_ready_meanwhile_waits_for_the_next_batch() -> None:
    ready = ready_of(Order.FIFO, "ab")
    ready.start_batch()
    for name in ("a", "b"):
        assert ready.take_first().path == name
        ready.add(known(name.upper())[0], 0)
    assert not ready.batch
    ready.start_batch()
    assert [one.path for one in ready.batch] == ["A", "B"]


def test_asyncio_runs_what_was_ready_then_io_then_timers() -> None:
    ready = Ready(Order.FIFO)
    for path, rank in (("timer", 2), ("io", 1), ("task", 0), ("timer2", 2), ("io2", 1)):
        ready.add(known(path)[0], rank)
    assert ready.names() == ("task", "io", "io2", "timer", "timer2")


@pytest.mark.parametrize("order", [Order.ANY, Order.BATCH])
def test_other_orders_do_not_ask_why_a_task_was_woken(order: Order) -> None:
    ready = Ready(order)
    for path, rank in (("timer", 2), ("task", 0)):
        ready.add(known(path)[0], rank)
    assert ready.names() == ("timer", "task")


def test_who_has_just_become_ready_is_found_among_the_options() -> None:
    ready = ready_of(Order.ANY, "ab", "xy")
    options = Options(ready.loop, ready.outside)
    for index, one in enumerate(ready):
        assert options.position(one) == index
    stranger = known("z")[0]
    assert options.position(stranger) == -1
